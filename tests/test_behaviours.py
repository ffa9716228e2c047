from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from netspace import behaviours as module
from netspace.archs import Siren
from netspace.behaviours import (
    POOL,
    PROBES,
    VOLUME,
    Behaviours,
    crossings,
    points_around,
    sample_chairs,
    sample_midpoints,
    sample_network,
    sample_shape,
    sample_zoo,
)
from netspace.data.chairs import ChairParams, in_between
from netspace.data.points import grid_points
from netspace.data.solids import Union
from netspace.functional import run
from netspace.grids import Grid, dense_grid, sparse_grid
from netspace.zoo import Zoo


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


def test_a_shapes_samples_are_its_distances(ball: Callable[..., Union], generator: torch.Generator) -> None:
    shape = ball(0.5, 0.1)
    sampled = sample_shape(shape, generator)
    points = sampled.points[0].float()
    torch.testing.assert_close(sampled.values[0].float(), shape.sdf(points), atol=1e-3, rtol=1e-3)
    for volume, side in ((sampled.probes, PROBES), (sampled.volume, VOLUME)):
        exact = shape.sdf(grid_points(side).reshape(-1, 3)).reshape(volume[0].shape)
        near = exact.abs() < 0.05
        torch.testing.assert_close(volume[0].float()[near], exact[near], atol=1e-3, rtol=1e-3)
        assert torch.equal(volume[0] < 0, exact < 0)


@pytest.mark.usefixtures("in_process")
def test_fresh_chairs_are_sampled_once_and_are_in_no_zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHAIRS", 2)
    chairs = sample_chairs(tmp_path, 3)
    assert len(chairs) == 4, "whole files"
    assert len({tuple(v[:50].tolist()) for v in chairs.values}) == 4, "all different"
    monkeypatch.setattr(module, "sample_shape", None)
    assert torch.equal(sample_chairs(tmp_path, 4).points, chairs.points)


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
    monkeypatched = Zoo(tmp_path, zoo.networks, zoo.places)
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
