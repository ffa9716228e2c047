from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspace.archs import Siren
from netspace.data.points import grid_points
from netspace.data.solids import Union
from netspace.data.sources import chair_of_seed
from netspace.fields import network_field
from netspace.grids import Field, Grid, dense_grid, iou, lattice, sparse_grid
from netspace.zoo import Zoo

pytestmark = pytest.mark.usefixtures("loops")


bits = st.lists(st.booleans(), min_size=8, max_size=8).map(lambda b: torch.tensor(b).reshape(2, 2, 2))


def dense_crossing(grid: Grid) -> Tensor:
    """Corners with a neighbour on the other side: all that marching cubes reads."""
    inside = grid.occupied()
    crossing = torch.zeros_like(inside)
    for axis in range(3):
        for step in (1, -1):
            other = inside.roll(step, axis) != inside
            other.select(axis, 0 if step == 1 else -1).fill_(False)
            crossing |= other
    return crossing


def assert_same_signs(field: Field, resolution: int) -> tuple[Grid, Grid]:
    sparse, dense = sparse_grid(field, resolution), dense_grid(field, resolution)
    certain = dense.values.abs() > 1e-6
    assert torch.equal(sparse.occupied()[certain], dense.occupied()[certain])
    return sparse, dense


@pytest.mark.parametrize("resolution", [33, 48, 64, 75])
def test_coarse_to_fine_gives_the_dense_signs_of_chairs_with_fewer_points(resolution: int) -> None:
    for seed in (0, 1):
        sparse, dense = assert_same_signs(chair_of_seed(seed).sdf, resolution)
        assert sparse.evaluated < dense.evaluated / 2
        crossing = dense_crossing(dense)
        torch.testing.assert_close(sparse.values[crossing], dense.values[crossing], atol=1e-5, rtol=0)


@pytest.mark.parametrize("cells", [0.5, 3])
def test_values_within_the_band_are_the_dense_grids(cells: float) -> None:
    field, band = chair_of_seed(1).sdf, cells * 2 / 48
    dense, thin, thick = dense_grid(field, 48), sparse_grid(field, 48), sparse_grid(field, 48, band=band)
    near = dense.values.abs() <= band
    torch.testing.assert_close(thick.values[near], dense.values[near], atol=1e-5, rtol=0)
    assert thin.evaluated < thick.evaluated < dense.evaluated


@pytest.mark.parametrize("resolution", [30, 64, 50])
def test_coarse_to_fine_gives_the_dense_signs_of_networks_with_fewer_points(resolution: int, zoo: Zoo) -> None:
    for theta in zoo.theta([0, 6]):
        sparse, dense = assert_same_signs(network_field(zoo.arch, theta), resolution)
        assert sparse.evaluated < dense.evaluated


@pytest.mark.parametrize("resolution", [1, 2, 7, 8, 12, 16, 17])
def test_grids_too_small_to_refine_are_right_too(resolution: int, ball: Callable[..., Union]) -> None:
    sparse, dense = assert_same_signs(ball(0.6, 0.05).sdf, resolution)
    assert sparse.values.shape == dense.values.shape == (resolution + 1,) * 3
    assert sparse.resolution == resolution


def test_corners_of_the_lattice_are_the_grids_points() -> None:
    torch.testing.assert_close(lattice(7, 1, 6, torch.device("cpu")), grid_points(7), atol=1e-6, rtol=0)


def test_a_field_without_a_surface_stays_on_one_side() -> None:
    def far(points: Tensor) -> Tensor:
        return torch.full((len(points),), 5.0)

    assert not sparse_grid(far, 40).occupied().any()
    assert sparse_grid(lambda p: -far(p), 40).occupied().all()


def test_values_have_axes_x_y_z() -> None:
    values = sparse_grid(lambda p: p @ torch.tensor([0.5, 0.3, 0.1]), 8).values
    assert values[8, 0, 4] == pytest.approx(0.5 - 0.3)
    assert values[4, 8, 8] == pytest.approx(0.3 + 0.1)


def test_a_chairs_narrowest_parts_are_not_missed(generator: torch.Generator) -> None:
    arch = Siren(hidden=(16,))
    theta = arch.initial(1, generator)[0]
    assert_same_signs(network_field(arch, 0.1 * theta), 24)


@given(bits, bits)
def test_iou_is_symmetric_and_within_0_and_1(a: Tensor, b: Tensor) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1


@given(bits, bits)
def test_iou_is_one_exactly_for_equal_solids(a: Tensor, b: Tensor) -> None:
    assert (iou(a, b) == 1) == torch.equal(a, b)
    assert iou(a, a) == 1


@given(bits)
def test_iou_with_the_complement_is_zero(a: Tensor) -> None:
    assert iou(a, ~a) == 0


def test_iou_counts_shared_over_all() -> None:
    a, b = torch.zeros(4, 4, 4, dtype=torch.bool), torch.zeros(4, 4, 4, dtype=torch.bool)
    a[:2], b[1:] = True, True
    assert iou(a, b) == pytest.approx(1 / 4)


@pytest.mark.parametrize("steepness", [3.0, 30.0])
def test_fields_of_another_scale_are_meshed_right_from_about_as_many_points(steepness: float) -> None:
    chair = chair_of_seed(2).sdf
    plain = sparse_grid(chair, 64)
    steep, _ = assert_same_signs(lambda p: steepness * chair(p), 64)
    assert steep.evaluated == pytest.approx(plain.evaluated, rel=0.3)


@pytest.mark.parametrize("thickness", [0.004, 0.02])
@pytest.mark.parametrize("offset", [0.0, 0.011, 0.021])
def test_sheets_thinner_than_a_cell_are_not_missed(thickness: float, offset: float) -> None:
    def sheet(points: Tensor) -> Tensor:
        beyond = (points[:, ::2].abs() - 0.6).clamp_min(0).norm(dim=1)
        away = ((points[:, 1] - offset).abs() - thickness / 2).clamp_min(0)
        return torch.hypot(beyond, away) - 1e-3

    for resolution in (64, 96):
        assert_same_signs(sheet, resolution)
