from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from netspace import behaviours as module
from netspace.archs import Siren
from netspace.behaviours import (
    POOL,
    PROBES,
    VOLUME,
    Behaviours,
    Stretch,
    crossings,
    field_at,
    points_around,
    sample_midpoints,
    sample_network,
    sample_zoo,
)
from netspace.data.chairs import ChairParams, in_between
from netspace.data.points import grid_points, uniform_points
from netspace.data.solids import Union
from netspace.functional import run
from netspace.grids import Grid, dense_grid, sparse_grid
from netspace.zoo import Zoo

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
    stretched = stretch.resample(volume, grid_points(33))
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
    torch.testing.assert_close(stretch.resample(volume, grid_points(7)), volume, atol=1e-5, rtol=0)
    points = torch.randn(1, 5, 3)
    torch.testing.assert_close(stretch.points(points), points)
    torch.testing.assert_close(stretch.gain(points), torch.ones(1, 5))


def test_mirroring_flips_x_and_twice_is_the_identity() -> None:
    mirror, volume = Stretch(torch.tensor([[-1.0, 1.0, 1.0]])), torch.randn(1, 7, 7, 7)
    once = mirror.resample(volume, grid_points(7))
    torch.testing.assert_close(once, volume.flip(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(mirror.resample(once, grid_points(7)), volume, atol=1e-5, rtol=0)
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


def test_crossings_lie_on_the_surface(ball: Callable[..., Union]) -> None:
    found = crossings(dense_grid(ball(0.5, 0.1).sdf, 32))
    assert ball(0.5, 0.1).sdf(found).abs().max() < 2e-3
    assert len({tuple(s) for s in (found - torch.tensor([0.1, 0, 0]) > 0).int().tolist()}) == 8


def test_without_a_surface_points_are_uniform(generator: torch.Generator) -> None:
    points = points_around(Grid(torch.ones(9, 9, 9), 0), 1000, generator)
    assert points.shape == (1000, 3)
    assert float(points.abs().mean()) == pytest.approx(0.5, abs=0.05)


def test_with_a_surface_most_points_are_near_it(ball: Callable[..., Union], generator: torch.Generator) -> None:
    points = points_around(sparse_grid(ball(0.5).sdf, 32), 1000, generator)
    assert (ball(0.5).sdf(points).abs() < 0.05).float().mean() > 0.5


def test_a_networks_samples_are_its_own_answers(generator: torch.Generator) -> None:
    arch = Siren(hidden=(8,))
    theta = arch.initial(1, generator)
    sampled = sample_network(arch, theta[0], generator)
    assert sampled.points.shape == (1, POOL, 3)
    answers = run(arch, theta, sampled.points.float()).clamp(-2, 2)
    torch.testing.assert_close(sampled.values.float(), answers, atol=1e-3, rtol=1e-3)
    for volume, side in ((sampled.probes, PROBES), (sampled.volume, VOLUME)):
        assert volume.shape == (1, side, side, side)
    probes = run(arch, theta, grid_points(PROBES).reshape(-1, 3)).clamp(-2, 2).reshape(sampled.probes.shape)
    torch.testing.assert_close(sampled.probes.float(), probes, atol=1e-3, rtol=1e-3)


def test_a_zoos_behaviours_are_in_the_zoos_order(zoo: Zoo, behaviours: Behaviours) -> None:
    assert len(behaviours) == len(zoo.networks)
    for index in (0, 4, 5, 9):
        points = behaviours.points[index : index + 1, :200].float()
        answers = run(zoo.arch, zoo.theta([index]), points)[0]
        torch.testing.assert_close(behaviours.values[index, :200].float(), answers, atol=2e-3, rtol=2e-3)


def test_behaviours_on_disk_are_read_not_sampled_again(
    zoo: Zoo, behaviours: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "sample_network", None)
    calls: list[tuple[int, int]] = []
    again = sample_zoo(zoo, progress=lambda done, total: calls.append((done, total)))
    assert torch.equal(again.points, behaviours.points)
    assert torch.equal(again.volume, behaviours.volume)
    assert calls == [(1, 2), (2, 2)]


def test_selected_behaviours_keep_their_rows(behaviours: Behaviours) -> None:
    part = behaviours.select([7, 2])
    assert len(part) == 2
    assert torch.equal(part.values, behaviours.values[[7, 2]])
    assert torch.equal(Behaviours.stack([part, behaviours.select([0])]).probes[2], behaviours.probes[0])


def test_midpoints_are_samples_of_what_lies_between_two_training_chairs(zoo: Zoo, tmp_path: Path) -> None:
    monkeypatched = Zoo(tmp_path, zoo.arch, zoo.networks, zoo.places)
    found = sample_midpoints(monkeypatched, 2, seed=5)
    train = zoo.indices("train")
    for i in range(2):
        a, b = int(found.first[i]), int(found.second[i])
        assert {a, b} <= set(train)
        known = [{k: v for k, v in zoo.networks[n].properties.items() if k != "fit_iou"} for n in (a, b)]
        shape = in_between(*(ChairParams(**k) for k in known))
        sdf = shape.sdf(found.points[i, :300].float())
        torch.testing.assert_close(found.values[i, :300].float(), sdf, atol=2e-3, rtol=2e-3)
    again = sample_midpoints(monkeypatched, 2, seed=5)
    assert torch.equal(again.points, found.points)
    assert torch.equal(again.second, found.second)
