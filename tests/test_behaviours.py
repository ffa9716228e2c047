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

factor = st.floats(0.85, 1.15)
factors = st.tuples(st.sampled_from([-1.0, 1.0]), factor, factor, factor).map(
    lambda f: torch.tensor([[f[0] * f[1], f[2], f[3]]])
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


@given(factors)
def test_a_stretched_functions_values_at_stretched_points_are_the_originals_times_the_gain(f: Tensor) -> None:
    stretch, volume = Stretch(f), linear([0.4, 0.3, -0.2], resolution=17)
    points = 0.6 * uniform_points(40, torch.Generator().manual_seed(0))[None]
    stretched = stretch.resample(volume, grid_points(17))
    inside = points.abs().amax(2) < 0.6
    got, expected = field_at(stretched, stretch.points(points)), stretch.values(field_at(volume, points))
    torch.testing.assert_close(got[inside], expected[inside], atol=1e-4, rtol=0)


@given(factors)
def test_the_gain_is_the_mean_by_which_lengths_grow(f: Tensor) -> None:
    assert float(Stretch(f).gain) == pytest.approx(float(f.abs().log().mean().exp()), rel=1e-4)


def test_a_scaled_balls_distances_stay_distances(ball: Callable[..., Union], generator: torch.Generator) -> None:
    stretch = Stretch(torch.full((1, 3), 1.2))
    points = uniform_points(100, generator)[None]
    values = ball(0.5).sdf(points[0])[None]
    torch.testing.assert_close(stretch.values(values)[0], ball(0.6).sdf(stretch.points(points)[0]), atol=1e-5, rtol=0)


def test_factors_of_one_change_nothing() -> None:
    stretch, volume = Stretch(torch.ones(1, 3)), torch.randn(1, 7, 7, 7)
    torch.testing.assert_close(stretch.resample(volume, grid_points(7)), volume, atol=1e-5, rtol=0)


def test_mirroring_flips_x_and_twice_is_the_identity() -> None:
    mirror, volume = Stretch(torch.tensor([[-1.0, 1.0, 1.0]])), torch.randn(1, 7, 7, 7)
    once = mirror.resample(volume, grid_points(7))
    torch.testing.assert_close(once, volume.flip(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(mirror.resample(once, grid_points(7)), volume, atol=1e-5, rtol=0)
    points = torch.randn(1, 5, 3)
    assert torch.equal(mirror.points(mirror.points(points)), points)


def test_random_stretches_stay_within_their_amount_and_mirror_half_the_time(generator: torch.Generator) -> None:
    f = Stretch.random(400, 0.15, generator).factors
    assert (f.abs() <= 1.15 + 1e-6).all()
    assert (f.abs() >= 0.85 - 1e-6).all()
    assert (f[:, 1:] > 0).all()
    assert 150 < int((f[:, 0] < 0).sum()) < 250


def test_an_amount_of_zero_changes_nothing(generator: torch.Generator) -> None:
    assert torch.equal(Stretch.random(8, 0.0, generator).factors, torch.ones(8, 3))


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
