from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor

from netspace.data import meshes
from netspace.data.meshes import MESH_SUFFIXES, MeshShape, from_trimesh, load_mesh
from netspace.data.points import uniform_points
from netspace.data.shapes import HALF_EXTENT
from netspace.errors import BadShapeFile


def sphere(radius: float = 0.5) -> trimesh.Trimesh:
    return trimesh.creation.icosphere(subdivisions=3, radius=radius)


def box_distance(points: Tensor, half: float) -> Tensor:
    q = points.abs() - half
    return q.clamp_min(0).norm(dim=1) + q.amax(1).clamp_max(0)


def test_a_spheres_distances_are_those_to_its_centre_less_its_radius(generator: torch.Generator) -> None:
    points = uniform_points(500, generator)
    sdf = from_trimesh(sphere(), normalise=False).sdf(points)
    torch.testing.assert_close(sdf, points.norm(dim=1) - 0.5, atol=0.005, rtol=0)


def test_a_boxs_distances_are_exact(generator: torch.Generator) -> None:
    points = uniform_points(500, generator)
    sdf = from_trimesh(trimesh.creation.box((0.8, 0.8, 0.8)), normalise=False).sdf(points)
    torch.testing.assert_close(sdf, box_distance(points, 0.4), atol=1e-5, rtol=0)


def test_distances_are_1_lipschitz(generator: torch.Generator) -> None:
    shape = from_trimesh(trimesh.creation.annulus(0.3, 0.6, 0.4), normalise=False)
    a, b = uniform_points(500, generator), uniform_points(500, generator)
    assert ((shape.sdf(a) - shape.sdf(b)).abs() <= (a - b).norm(dim=1) + 1e-6).all()


def test_flipped_faces_do_not_change_the_signs(generator: torch.Generator) -> None:
    mesh = sphere()
    flip = np.random.default_rng(0).random(len(mesh.faces)) < 0.3
    mesh.faces[flip] = mesh.faces[flip][:, ::-1]
    points = uniform_points(500, generator)
    expected = points.norm(dim=1) - 0.5
    torch.testing.assert_close(from_trimesh(mesh, normalise=False).sdf(points), expected, atol=0.005, rtol=0)


def test_an_inside_out_mesh_has_the_same_signs(generator: torch.Generator) -> None:
    mesh = sphere()
    mesh.invert()
    points = uniform_points(200, generator)
    assert torch.equal(from_trimesh(mesh, normalise=False).sdf(points) < 0, points.norm(dim=1) < 0.499)


def test_a_hole_and_doubled_faces_do_not_change_the_signs_elsewhere(generator: torch.Generator) -> None:
    mesh = sphere()
    mesh.update_faces(mesh.triangles_center[:, 1] < 0.46)
    assert not mesh.is_watertight
    doubled = trimesh.Trimesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[::3]]), process=False)
    points = uniform_points(1000, generator)
    away = (points - torch.tensor([0.0, 0.5, 0.0])).norm(dim=1) > 0.25
    sdf = from_trimesh(doubled, normalise=False).sdf(points)
    assert torch.equal(sdf[away] < 0, (points.norm(dim=1) < 0.497)[away])


def test_a_normalised_mesh_is_centred_and_scaled_without_distortion() -> None:
    mesh = trimesh.creation.box((4, 2, 1))
    mesh.apply_translation((10, -3, 7))
    shape = from_trimesh(mesh)
    np.testing.assert_allclose(shape.vertices.max(0), HALF_EXTENT * np.array([1, 0.5, 0.25]), atol=1e-9)
    np.testing.assert_allclose(shape.vertices.min(0), -shape.vertices.max(0), atol=1e-9)


def test_surface_points_lie_on_the_mesh_and_are_decided_by_the_seed() -> None:
    shape = from_trimesh(trimesh.creation.box((0.8, 0.8, 0.8)), normalise=False)
    points = shape.surface(200, seed=3)
    torch.testing.assert_close(points.abs().amax(1), torch.full((200,), 0.4))
    assert torch.equal(points, shape.surface(200, seed=3))
    assert not torch.equal(points, shape.surface(200, seed=4))


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_all_formats_load_to_the_same_shape(suffix: str, tmp_path: Path, generator: torch.Generator) -> None:
    mesh = trimesh.creation.annulus(0.3, 0.6, 0.4)
    mesh.export(tmp_path / f"ring{suffix}")
    shape = load_mesh(tmp_path / f"ring{suffix}")
    points = uniform_points(200, generator)
    torch.testing.assert_close(shape.sdf(points), from_trimesh(mesh).sdf(points), atol=1e-5, rtol=0)


def test_suffixes_may_be_upper_case(tmp_path: Path) -> None:
    sphere().export(tmp_path / "ball.stl")
    (tmp_path / "ball.stl").rename(tmp_path / "BALL.STL")
    assert len(load_mesh(tmp_path / "BALL.STL").faces) == len(sphere().faces)


def test_a_scene_of_placed_parts_is_one_mesh(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    for x in (-1.0, 1.0):
        scene.add_geometry(
            trimesh.creation.box((0.5, 0.5, 0.5)), transform=trimesh.transformations.translation_matrix((x, 0, 0))
        )
    scene.export(tmp_path / "two.glb")
    shape = load_mesh(tmp_path / "two.glb", normalise=False)
    sdf = shape.sdf(torch.tensor([[-1.0, 0, 0], [1.0, 0, 0], [0.0, 0, 0]]))
    torch.testing.assert_close(sdf, torch.tensor([-0.25, -0.25, 0.75]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"no mesh at all\n", bytes(200)], ids=["empty", "text", "zeros"])
def test_unreadable_files_are_refused_by_name(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(BadShapeFile, match="bad"):
        load_mesh(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadShapeFile, match=r"none.obj"):
        load_mesh(tmp_path / "none.obj")


def test_another_format_is_refused_with_those_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(BadShapeFile, match=r"chair.step: expected one of .obj, .ply"):
        load_mesh(tmp_path / "chair.step")


def test_a_point_cloud_is_no_mesh(tmp_path: Path) -> None:
    trimesh.PointCloud(np.eye(3)).export(tmp_path / "cloud.ply")
    with pytest.raises(BadShapeFile, match=r"cloud.ply"):
        load_mesh(tmp_path / "cloud.ply")


def refused(vertices: list, faces: list) -> str:
    with pytest.raises(BadShapeFile) as caught:
        from_trimesh(trimesh.Trimesh(np.array(vertices, float), np.array(faces).reshape(-1, 3), process=False), "it")
    return str(caught.value)


def test_meshes_that_are_no_shape_are_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    triangle = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert "expected 1 to" in refused(triangle, [])
    assert "finite" in refused([[0, 0, np.nan], *triangle[1:]], [[0, 1, 2]])
    assert "finite" in refused([[0, 0, np.inf], *triangle[1:]], [[0, 1, 2]])
    assert "degenerate" in refused([[1, 1, 1]] * 3, [[0, 1, 2]])
    assert "degenerate" in refused([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]])
    monkeypatch.setattr(meshes, "MAX_FACES", 1)
    assert "got 2" in refused([*triangle, [1, 1, 0]], [[0, 1, 2], [1, 2, 3]])


def test_distances_keep_the_points_type() -> None:
    shape: MeshShape = from_trimesh(sphere())
    assert shape.sdf(torch.zeros(1, 3)).dtype == torch.float32
    assert shape.sdf(torch.zeros(1, 3, dtype=torch.float64)).dtype == torch.float64
