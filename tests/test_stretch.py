from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspace.data.points import grid_points, uniform_points
from netspace.data.solids import Union
from netspace.stretch import Stretch, field_at, on_lines, outer

factor, bend = st.floats(0.85, 1.15), st.floats(-0.2, 0.2)
stretches = st.tuples(st.sampled_from([-1.0, 1.0]), factor, factor, factor, bend, bend, bend).map(
    lambda v: Stretch(torch.tensor([[v[0] * v[1], v[2], v[3]]]), torch.tensor([v[4:]]))
)


def linear(slope: list[float], resolution: int = 9) -> Tensor:
    """A volume [1, V, V, V] of a linear function, which trilinear interpolation reproduces."""
    return (grid_points(resolution) @ torch.tensor(slope))[None]


def test_a_volume_is_read_exactly_at_its_corners_and_linearly_between(generator: torch.Generator) -> None:
    volume = linear([0.5, -0.3, 0.2])
    points = uniform_points(50, generator)[None]
    torch.testing.assert_close(field_at(volume, points), points @ torch.tensor([0.5, -0.3, 0.2]), atol=1e-5, rtol=0)


def test_beyond_the_cube_a_volume_keeps_its_borders_value() -> None:
    volume = linear([1.0, 0.0, 0.0])
    torch.testing.assert_close(
        field_at(volume, torch.tensor([[[3.0, 0, 0], [-1.5, 0, 0]]])), torch.tensor([[1.0, -1.0]])
    )


@given(stretches)
def test_sources_invert_points(stretch: Stretch) -> None:
    points = uniform_points(50, torch.Generator().manual_seed(0))[None]
    torch.testing.assert_close(stretch.sources(stretch.points(points)), points, atol=1e-5, rtol=0)
    torch.testing.assert_close(stretch.points(stretch.sources(points)), points, atol=1e-5, rtol=0)


@given(stretches)
def test_a_stretched_functions_values_at_stretched_points_are_the_originals_times_the_gain(stretch: Stretch) -> None:
    volume = linear([0.4, 0.3, -0.2], resolution=33)
    points = 0.55 * uniform_points(40, torch.Generator().manual_seed(0))[None]
    expected = stretch.values(points, field_at(volume, points))
    torch.testing.assert_close(expected, stretch.gain(points) * field_at(volume, points))
    stretched = stretch.resample(volume, 33)
    torch.testing.assert_close(field_at(stretched, stretch.points(points)), expected, atol=3e-3, rtol=0)


@given(stretches)
def test_the_gain_is_the_mean_by_which_lengths_grow(stretch: Stretch) -> None:
    """The cube root of the volume's growth: of the Jacobian's determinant."""
    for point in uniform_points(3, torch.Generator().manual_seed(1)):
        jacobian = torch.autograd.functional.jacobian(lambda p: stretch.points(p[None, None])[0, 0], point)
        expected = torch.linalg.det(jacobian).abs() ** (1 / 3)
        torch.testing.assert_close(stretch.gain(point[None, None])[0, 0], expected, atol=1e-4, rtol=1e-4)


def test_bends_keep_the_ends_and_the_symmetry() -> None:
    bent = Stretch(torch.ones(1, 3), torch.tensor([[0.2, 0.1, -0.1]]))
    corners = torch.tensor([[[1.0, 1, 1], [-1, 1, -1], [0, 1, 1]]])
    torch.testing.assert_close(bent.points(corners), corners, atol=1e-6, rtol=0)
    points = torch.tensor([[[0.3, 0.2, 0.1], [-0.3, 0.2, 0.1]]])
    moved = bent.points(points)[0]
    assert moved[0, 0] == -moved[1, 0]
    assert torch.equal(moved[0, 1:], moved[1, 1:])
    assert not torch.allclose(moved[0], points[0, 0])


def test_a_scaled_balls_distances_stay_distances(ball: Callable[..., Union], generator: torch.Generator) -> None:
    stretch = Stretch(torch.full((1, 3), 1.2))
    points = uniform_points(100, generator)[None]
    values = stretch.values(points, ball(0.5).sdf(points[0])[None])
    torch.testing.assert_close(values[0], ball(0.6).sdf(stretch.points(points)[0]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("stretch", [Stretch(torch.ones(1, 3)), Stretch(torch.ones(1, 3), torch.zeros(1, 3))])
def test_factors_of_one_and_no_bend_change_nothing(stretch: Stretch) -> None:
    volume = torch.randn(1, 7, 7, 7)
    torch.testing.assert_close(stretch.resample(volume, 7), volume, atol=1e-5, rtol=0)
    points = torch.randn(1, 5, 3)
    torch.testing.assert_close(stretch.points(points), points)
    torch.testing.assert_close(stretch.gain(points), torch.ones(1, 5))


def test_mirroring_flips_x_and_twice_is_the_identity() -> None:
    mirror, volume = Stretch(torch.tensor([[-1.0, 1.0, 1.0]])), torch.randn(1, 7, 7, 7)
    once = mirror.resample(volume, 7)
    torch.testing.assert_close(once, volume.flip(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(mirror.resample(once, 7), volume, atol=1e-5, rtol=0)
    points = torch.randn(1, 5, 3)
    assert torch.equal(mirror.points(mirror.points(points)), points)


def test_random_stretches_stay_within_their_amount_and_mirror_half_the_time(generator: torch.Generator) -> None:
    stretch = Stretch.random(400, 0.15, generator, bend=0.1)
    f, bends = stretch.factors, stretch.bends
    assert (f.abs() <= 1.15 + 1e-6).all()
    assert (f.abs() >= 0.85 - 1e-6).all()
    assert (f[:, 1:] > 0).all()
    assert 150 < int((f[:, 0] < 0).sum()) < 250
    assert bends is not None
    assert (bends.abs() <= 0.1).all()


def test_an_amount_of_zero_changes_nothing(generator: torch.Generator) -> None:
    stretch = Stretch.random(8, 0.0, generator)
    assert torch.equal(stretch.factors, torch.ones(8, 3))
    assert stretch.bends is None


def test_rows_that_are_only_mirrored_keep_their_sign_and_nothing_else(generator: torch.Generator) -> None:
    stretch, rows = Stretch.random(6, 0.15, generator, bend=0.1), torch.tensor([True, False, True, False, True, False])
    mixed = stretch.only_mirrored(rows)
    assert mixed.bends is not None
    assert stretch.bends is not None
    assert torch.equal(mixed.factors[rows], stretch.factors[rows].sign())
    assert torch.equal(mixed.factors[~rows], stretch.factors[~rows])
    assert not mixed.bends[rows].any()
    assert torch.equal(mixed.bends[~rows], stretch.bends[~rows])


def test_pairs_are_stretched_alike_and_rows_can_be_selected(generator: torch.Generator) -> None:
    stretch = Stretch.random(3, 0.15, generator, bend=0.1)
    twice, points = stretch.twice(), uniform_points(4, generator).expand(6, 4, 3)
    assert torch.equal(twice.points(points)[:3], twice.points(points)[3:])
    assert torch.equal(twice.select(slice(3, 5)).points(points[:2]), stretch.points(points[:3])[:2])
    assert torch.equal(stretch.select(torch.tensor([2])).points(points[:1]), stretch.points(points[:3])[2:])


def test_lines_are_read_as_points_are(generator: torch.Generator) -> None:
    volume, lines = (
        torch.randn(2, 9, 9, 9, generator=generator),
        1.2 * (2 * torch.rand(2, 5, 3, generator=generator) - 1),
    )
    x, y, z = lines.unbind(-1)
    grid = torch.stack(torch.broadcast_tensors(x[:, :, None, None], y[:, None, :, None], z[:, None, None]), -1)
    one_by_one = field_at(volume, grid.reshape(2, -1, 3)).reshape(2, 5, 5, 5)
    torch.testing.assert_close(on_lines(volume, lines), one_by_one, atol=1e-5, rtol=1e-5)


def test_gains_on_a_grid_are_those_at_its_points(generator: torch.Generator) -> None:
    stretch = Stretch.random(2, 0.2, generator, bend=0.2)
    lines = stretch.lines(4)
    x, y, z = lines.unbind(-1)
    grid = torch.stack(torch.broadcast_tensors(x[:, :, None, None], y[:, None, :, None], z[:, None, None]), -1)
    expected = stretch.gain(grid.reshape(2, -1, 3)).reshape(2, 4, 4, 4)
    torch.testing.assert_close(stretch.gains(lines), expected, atol=1e-5, rtol=1e-5)


def test_outer_products_are_products_of_the_axes() -> None:
    lines = torch.tensor([[[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]]])
    assert outer(lines)[0, 0, 1, 0] == 2 * 11 * 5
    assert outer(lines)[0, 1, 0, 1] == 7 * 3 * 13
