import numpy as np
import pytest
import torch
import trimesh
from skimage import measure
from torch import Tensor
from torch.nn import functional as F

from netspace.cubes import CORNERS, marching_cubes
from netspace.data.sources import chair_of_seed
from netspace.grids import dense_grid

pytestmark = pytest.mark.usefixtures("loops")


def closed(values: Tensor) -> Tensor:
    """With a layer of outside around it."""
    return F.pad(values, (1,) * 6, value=1.0)


def mesh(values: Tensor) -> trimesh.Trimesh:
    vertices, faces = marching_cubes(values)
    return trimesh.Trimesh(vertices.numpy(), faces.numpy(), process=False)


def winding(found: trimesh.Trimesh, places: np.ndarray) -> np.ndarray:
    """How often the mesh goes round each place [N]: the solid angles of its triangles (Van Oosterom and Strackee)."""
    a, b, c = (found.triangles[None, :, i] - places[:, None] for i in range(3))
    x, y, z = (np.linalg.norm(side, axis=-1) for side in (a, b, c))
    above = (a * np.cross(b, c)).sum(-1)
    below = x * y * z + (a * b).sum(-1) * z + (b * c).sum(-1) * x + (c * a).sum(-1) * y
    return np.arctan2(above, below).sum(1) / (2 * np.pi)


@pytest.mark.parametrize("seed", range(6))
def test_noise_of_any_shape_has_a_surface_without_holes_whose_faces_look_outward(seed: int) -> None:
    """In noise every case occurs, next to every other that fits."""
    generator = torch.Generator().manual_seed(seed)
    shape = torch.randint(2, 14, (3,), generator=generator).tolist()
    values = closed(torch.randn(shape, generator=generator))
    found = mesh(values)
    assert found.is_watertight
    assert found.is_winding_consistent
    assert found.volume > 0


@pytest.mark.parametrize("values", [-torch.rand(3, 3, 3), torch.rand(3, 3, 3)], ids=["inside", "outside"])
def test_a_grid_on_one_side_has_no_surface(values: Tensor) -> None:
    vertices, faces = marching_cubes(values)
    assert (vertices.shape, faces.shape) == ((0, 3), (0, 3))


def test_every_case_of_one_cell_is_closed_and_keeps_the_corners_on_their_sides() -> None:
    for case in range(1, 255):
        values = torch.ones(2, 2, 2)
        for i, corner in enumerate(CORNERS):
            values[corner] -= 2 * (case >> i & 1)
        found = mesh(closed(values))
        assert found.is_watertight, case
        turns = winding(found, np.array(CORNERS) + 1.0)
        np.testing.assert_allclose(turns, [case >> i & 1 for i in range(8)], atol=1e-4, err_msg=str(case))


def test_vertices_lie_where_the_value_is_zero_on_every_edge_that_is_crossed_once() -> None:
    values = closed(torch.randn(6, 7, 8, generator=torch.Generator().manual_seed(0)))
    vertices, faces = marching_cubes(values)
    crossed = sum(int(((values < 0).int().diff(dim=axis) != 0).sum()) for axis in range(3))
    assert len(vertices) == crossed == len(vertices.unique(dim=0))
    assert faces.unique().tolist() == list(range(crossed))
    for vertex in vertices[:: len(vertices) // 50]:
        below, share = vertex.floor().long(), vertex - vertex.floor()
        above = below + (share > 0).long()
        ends = torch.stack([values[tuple(below.tolist())], values[tuple(above.tolist())]])
        assert abs(float(torch.lerp(*ends, share.max()))) < 1e-5


def test_a_chair_is_that_of_scikit_image_where_no_case_is_ambiguous() -> None:
    values = F.pad(dense_grid(chair_of_seed(3).sdf, 48).values, (1,) * 6, value=2 / 48)
    ours = mesh(values)
    vertices, faces, *_ = measure.marching_cubes(values.numpy(), 0.0, gradient_direction="descent")
    reference = trimesh.Trimesh(vertices, faces, process=False)
    order, other = (np.lexsort(np.round(points, 3).T) for points in (ours.vertices, vertices))
    np.testing.assert_allclose(ours.vertices[order], vertices[other], atol=1e-4)
    assert len(ours.faces) == pytest.approx(len(faces), rel=0.002)
    assert ours.volume == pytest.approx(reference.volume, rel=1e-3)
    assert ours.area == pytest.approx(reference.area, rel=1e-3)
