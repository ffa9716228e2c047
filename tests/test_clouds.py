"""Reading point clouds: every format gives the points back, everything else a clear error."""

import io

import numpy as np
import pytest
import torch
import trimesh
from safetensors.torch import save

from netspace.data.clouds import SAMPLED, Cloud, cloud_bytes, cloud_from, cloud_of_mesh, read_cloud
from netspace.data.shape_file import kind_of
from netspace.errors import BadPointCloud

POINTS = np.random.default_rng(0).uniform(-0.9, 0.9, (50, 3)).astype(np.float32)


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def text(values: np.ndarray, separator: str) -> bytes:
    return "\n".join(separator.join(map(repr, row)) for row in values.tolist()).encode()


CONTENT = {
    "npy": npy(POINTS),
    "text": text(POINTS, " "),
    "csv": text(POINTS, ","),
    "ply": trimesh.PointCloud(POINTS).export(file_type="ply"),
}


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT)
def test_points_survive_a_file(content: bytes) -> None:
    cloud = read_cloud(content)
    torch.testing.assert_close(cloud.points, torch.from_numpy(POINTS), atol=1e-6, rtol=0)
    assert cloud.normals is None


def test_six_columns_are_points_and_normals_of_length_one() -> None:
    cloud = read_cloud(npy(np.concatenate([POINTS, 3 * POINTS], 1)))
    assert cloud.normals is not None
    torch.testing.assert_close(cloud.normals.norm(dim=1), torch.ones(50))


@pytest.mark.parametrize("inverted", [False, True])
def test_a_watertight_mesh_gives_points_on_it_and_normals_outwards(inverted: bool) -> None:
    mesh = trimesh.creation.icosphere(3, 0.5)
    if inverted:
        mesh.invert()
    cloud = read_cloud(mesh.export(file_type="ply"))
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


def test_a_file_is_what_its_first_bytes_say() -> None:
    ball = trimesh.creation.icosphere(2, 0.5)
    ascii_stl = ball.export(file_type="stl_ascii")
    files = {kind: ball.export(file_type=kind) for kind in ("stl", "ply", "glb", "off", "obj")} | {"ascii": ascii_stl}
    for kind, exported in files.items():
        content = exported.encode() if isinstance(exported, str) else exported
        assert kind_of(content) == ("stl" if kind == "ascii" else kind)
        assert read_cloud(content).points.shape == (SAMPLED, 3)


def test_an_obj_is_read_without_the_files_it_names() -> None:
    text = trimesh.creation.icosphere(2, 0.5).export(file_type="obj")
    named = f"mtllib /dev/zero\nusemtl shiny\n{text}".encode()
    torch.testing.assert_close(read_cloud(named).points, read_cloud(text.encode()).points)


def test_a_cloud_survives_its_bytes() -> None:
    cloud = read_cloud(npy(np.concatenate([POINTS, 3 * POINTS], 1)))
    again = cloud_from(cloud_bytes(cloud))
    assert again.normals is not None
    assert torch.equal(again.points, cloud.points)
    assert torch.equal(again.normals, cloud.normals)  # type: ignore[arg-type]
    for bad in (b"", b"x" * 20, save({"other": torch.zeros(20, 3)}), cloud_bytes(cloud)[:-1]):
        with pytest.raises(BadPointCloud):
            cloud_from(bad)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "got 0 bytes"),
        (npy(np.array([{"a": 1}], dtype=object)), "Python objects, which are never loaded"),
        (b"PK\x03\x04 and more", "zip archive; save one array by numpy.save"),
        (npy(POINTS)[:200], "truncated|does not fill"),
        (npy(POINTS[:, :2]), "got float32"),
        (npy(POINTS[:5]), "16 to"),
        (npy(POINTS * np.nan), "NaN"),
        (npy(np.concatenate([POINTS, 0 * POINTS], 1)), "non-zero"),
        (b"1 b c", "cannot be read as text"),
        (b"\xff\xfe", "start with"),
        (b"solid nothing", "expected"),
        (b"glTF garbage", "glb"),
        (b"garbage", "expected a mesh"),
        (b"1 2\n" * 20, "rows of 3 or 6"),
    ],
)
def test_what_is_no_point_cloud_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BadPointCloud, match=words):
        read_cloud(content)
