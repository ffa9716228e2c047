from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from netspace.data.points import uniform_points
from netspace.data.shapes import HALF_EXTENT
from netspace.data.voxels import from_voxels, load_modelnet_chairs
from netspace.errors import BadShapeFile


def box_distance(points: Tensor, half: Tensor) -> Tensor:
    q = points.abs() - half
    return q.clamp_min(0).norm(dim=1) + q.amax(1).clamp_max(0)


def solid(shape: tuple[int, int, int], *blocks: tuple[slice, slice, slice]) -> np.ndarray:
    grid = np.zeros(shape, bool)
    for block in blocks:
        grid[block] = True
    return grid


def test_a_box_of_voxels_has_about_a_boxs_distances(generator: torch.Generator) -> None:
    shape = from_voxels(solid((32, 32, 32), (slice(4, 24), slice(10, 20), slice(3, 13))))
    half = HALF_EXTENT * torch.tensor([1.0, 0.5, 0.5])
    points = 0.95 * uniform_points(2000, generator)
    near = (box_distance(points, half).abs() < 0.2) & (points.abs() < half + 0.1).all(1)
    error = (shape.sdf(points) - box_distance(points, half)).abs()[near]
    assert error.mean() < 0.015
    assert error.max() < 0.08  # rounded edges
    signs = (shape.sdf(points) < 0) == (box_distance(points, half) < 0)
    assert signs.float().mean() > 0.98


def test_axes_are_x_y_z_as_in_the_grid() -> None:
    # A long x axis, a post that goes up at its end, and a short foot to the front at the other.
    shape = from_voxels(
        solid(
            (32, 32, 32),
            (slice(4, 28), slice(4, 8), slice(12, 16)),
            (slice(24, 28), slice(4, 28), slice(12, 16)),
            (slice(4, 8), slice(4, 8), slice(12, 24)),
        )
    )
    corners = torch.tensor(
        [[0.7, 0.7, -0.3], [-0.7, -0.7, 0.3], [-0.7, 0.7, -0.3], [0.7, -0.7, 0.3], [-0.7, -0.7, -0.3]]
    )
    assert (shape.sdf(corners) < 0).tolist() == [True, True, False, False, True]


def test_a_part_one_voxel_thick_survives() -> None:
    shape = from_voxels(solid((32, 32, 32), (slice(4, 28), slice(4, 28), slice(15, 16))))
    assert (shape.sdf(torch.tensor([[0.0, 0.0, 0.0], [0.5, -0.5, 0.0]])) < 0).all()
    assert (shape.sdf(torch.tensor([[0.0, 0.0, 0.2], [0.0, 0.0, -0.2]])) > 0).all()


def test_where_it_lies_in_its_grid_does_not_matter(generator: torch.Generator) -> None:
    a = from_voxels(solid((32, 32, 32), (slice(0, 20), slice(0, 10), slice(0, 10))))
    b = from_voxels(solid((24, 40, 30), (slice(4, 24), slice(30, 40), slice(7, 17))))
    points = uniform_points(300, generator)
    near = a.sdf(points) < 0.1
    torch.testing.assert_close(a.sdf(points)[near], b.sdf(points)[near], atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (np.zeros((8, 8, 8), bool), "empty"),
        (np.ones((8, 8), bool), r"shape \(8, 8\)"),
        (np.ones((2, 2, 300), bool), r"shape \(2, 2, 300\)"),
        (np.ones((), bool), r"shape \(\)"),
        (np.ones((0, 4, 4), bool), "expected"),
    ],
)
def test_grids_that_are_no_solid_are_refused(grid: np.ndarray, words: str) -> None:
    with pytest.raises(BadShapeFile, match=words):
        from_voxels(grid)


def packed_chair() -> np.ndarray:
    """[32, 32, 32] with axis 2 up and the back towards +axis 1, as the packed files hold them."""
    grid = np.zeros((32, 32, 32), bool)
    grid[8:24, 8:24, 12:16] = True  # seat
    grid[8:24, 20:24, 16:30] = True  # back
    grid[8:12, 8:12, 0:12] = True  # one leg, at low axis 0, in front
    return grid


def test_packed_chairs_come_out_upright_with_their_back_towards_minus_z(tmp_path: Path) -> None:
    grids = np.stack([packed_chair(), np.ones((32, 32, 32), bool)])
    np.savez(tmp_path / "chairs.npz", solid=np.packbits(grids.reshape(2, -1), axis=1), index=np.array([17, 40]))
    chairs = load_modelnet_chairs(tmp_path / "chairs.npz")
    assert [number for number, _ in chairs] == [17, 40]
    x, y, z = chairs[0][1].nonzero()
    assert z[y > 20].max() < 16, "the back is towards -z and up"
    assert (x[y < 5].max() < 16, z[y < 5].min() > 16) == (True, True), "the leg is below, in front, at low x"
    assert chairs[1][1].all()
    assert chairs[0][1].sum() == packed_chair().sum()


def test_the_turn_is_a_rotation_not_a_mirror_image(tmp_path: Path) -> None:
    grid = np.zeros((32, 32, 32), bool)
    places = {"a": (20, 4, 4), "b": (4, 20, 4), "c": (4, 4, 20)}  # right-handed about (4, 4, 4)
    grid[4, 4, 4] = True
    for place in places.values():
        grid[place] = True
    np.savez(tmp_path / "one.npz", solid=np.packbits(grid.reshape(1, -1), axis=1), index=np.array([0]))
    turned = load_modelnet_chairs(tmp_path / "one.npz")[0][1]
    where = {name: np.array([p[0], p[2], 31 - p[1]]) for name, p in places.items()}
    assert all(turned[tuple(w)] for w in where.values())
    origin = np.array([4, 4, 27])
    assert np.linalg.det(np.stack([where[n] - origin for n in "abc"])) > 0


@pytest.mark.parametrize("kind", ["missing", "text", "truncated", "other names"])
def test_files_that_hold_no_packed_chairs_are_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "chairs.npz"
    if kind == "text":
        path.write_text("no arrays")
    elif kind == "other names":
        np.savez(path, a=np.zeros(3))
    elif kind == "truncated":
        np.savez(path, solid=np.zeros((4, 4096), np.uint8), index=np.arange(4))
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(BadShapeFile, match="expected an npz with `solid` and `index`"):
        load_modelnet_chairs(path)
