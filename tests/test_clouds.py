"""Reading point clouds: every format gives the points back, everything else a clear error."""

import io

import numpy as np
import pytest
import torch
import trimesh

from netspace.data.clouds import SAMPLED, Cloud, cloud_of_mesh, read_cloud
from netspace.errors import BadPointCloud

POINTS = np.random.default_rng(0).uniform(-0.9, 0.9, (50, 3)).astype(np.float32)


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def text(values: np.ndarray, separator: str) -> bytes:
    return "\n".join(separator.join(map(repr, row)) for row in values.tolist()).encode()


CONTENT = {
    ".npy": npy(POINTS),
    ".xyz": text(POINTS, " "),
    ".csv": text(POINTS, ","),
    ".ply": trimesh.PointCloud(POINTS).export(file_type="ply"),
}


@pytest.mark.parametrize("suffix", CONTENT)
def test_points_survive_a_file(suffix: str) -> None:
    cloud = read_cloud(CONTENT[suffix], suffix)
    torch.testing.assert_close(cloud.points, torch.from_numpy(POINTS), atol=1e-6, rtol=0)
    assert cloud.normals is None


def test_six_columns_are_points_and_normals_of_length_one() -> None:
    cloud = read_cloud(npy(np.concatenate([POINTS, 3 * POINTS], 1)), ".npy")
    assert cloud.normals is not None
    torch.testing.assert_close(cloud.normals.norm(dim=1), torch.ones(50))


@pytest.mark.parametrize("inverted", [False, True])
def test_a_watertight_mesh_gives_points_on_it_and_normals_outwards(inverted: bool) -> None:
    mesh = trimesh.creation.icosphere(3, 0.5)
    if inverted:
        mesh.invert()
    cloud = read_cloud(mesh.export(file_type="ply"), ".ply")
    assert cloud.points.shape == (SAMPLED, 3)
    torch.testing.assert_close(cloud.points.norm(dim=1), torch.full((SAMPLED,), 0.5), atol=0.01, rtol=0)
    assert cloud.normals is not None
    assert ((cloud.normals * cloud.points).sum(1) > 0).all()


def test_an_open_mesh_gives_no_normals() -> None:
    mesh = trimesh.creation.icosphere(2, 0.5)
    mesh.update_faces(np.arange(len(mesh.faces)) > 10)
    assert cloud_of_mesh(mesh).normals is None


def test_normalising_centres_and_scales_the_box() -> None:
    cloud = Cloud(torch.from_numpy(POINTS) * torch.tensor([1.0, 5.0, 2.0]) + 7).normalised().in_cube()
    low, high = cloud.points.amin(0), cloud.points.amax(0)
    torch.testing.assert_close(low + high, torch.zeros(3), atol=1e-5, rtol=0)
    assert float((high - low).max()) == pytest.approx(1.8, abs=1e-5)


@pytest.mark.parametrize(
    ("content", "suffix", "words"),
    [
        (b"", ".npy", "got 0 bytes"),
        (b"no array at all", ".npy", r"expected a .npy file with numbers \[N, 3\].*got 15 bytes that do not begin"),
        (b"PK\x03\x04 and more", ".npy", "zip archive; save one array by numpy.save"),
        (npy(POINTS)[:200], ".npy", "damaged or truncated"),
        (npy(np.array([{"a": 1}], dtype=object)), ".npy", "Python objects, which are never loaded"),
        (npy(POINTS[:, :2]), ".npy", "got float32"),
        (npy(POINTS[:5]), ".npy", "16 to"),
        (npy(POINTS * np.nan), ".npy", "NaN"),
        (npy(np.concatenate([POINTS, 0 * POINTS], 1)), ".npy", "non-zero"),
        (b"a b c", ".xyz", "cannot be read as .xyz"),
        (b"\xff\xfe", ".csv", "cannot be read as .csv"),
        (b"solid nothing", ".stl", "expected|cannot be read"),
        (b"garbage", ".glb", "cannot be read as .glb"),
        (b"x", ".exe", "expected a file of"),
        (b"x", "", "no suffix"),
    ],
)
def test_what_is_no_point_cloud_is_refused(content: bytes, suffix: str, words: str) -> None:
    with pytest.raises(BadPointCloud, match=words):
        read_cloud(content, suffix)
