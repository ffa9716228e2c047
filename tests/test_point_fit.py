"""Fitting points: what a cloud says about empty space, and the latent that agrees with it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from netspace.data.clouds import Cloud
from netspace.data.points import uniform_points
from netspace.errors import BadObjective, BadPointCloud
from netspace.functional import run
from netspace.lso import CHECK, LsoConfig, begin, optimise
from netspace.point_fit import (
    Evidence,
    FitPoints,
    PointsConfig,
    reachable,
    seen_through,
    viewpoints_from,
    with_details,
)
from netspace.prior import Prior
from netspace.spaces import Space


def sphere(count: int, radius: float = 0.6) -> Tensor:
    direction = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    return radius * direction / direction.norm(dim=1, keepdim=True)


def test_outside_of_a_closed_cloud_is_reachable_and_inside_is_not() -> None:
    places = uniform_points(4000, torch.Generator().manual_seed(1)).numpy()
    radius = np.linalg.norm(places, axis=1)
    out = reachable(sphere(2000).double().numpy(), places, 0.12)
    assert not out[radius < 0.5].any()
    assert out[radius > 0.8].mean() > 0.99


def test_only_what_lies_between_a_viewpoint_and_its_points_is_seen_through() -> None:
    front = sphere(2000)
    front = front[front[:, 2] > 0.3].double().numpy()
    places = np.array([[0, 0, 0.9], [0, 0, 0.3], [0, 0, -0.9], [0.95, 0, 0.95]])
    assert seen_through(front, places, np.array([0, 0, 3.0]), 0.1).tolist() == [True, False, False, False]


@pytest.fixture
def exact() -> Callable[[Tensor], Tensor]:
    return lambda points: points.norm(dim=1) - 0.6


def test_the_true_distance_contradicts_no_evidence(exact: Callable[[Tensor], Tensor]) -> None:
    evidence = Evidence.of(Cloud(sphere(2000)), PointsConfig())
    at = exact(evidence.places)
    assert (at.abs() <= evidence.reach + 1e-5).all()
    assert (at.abs().clamp_max(0.1) >= evidence.least - 1e-5).all()
    assert (at[evidence.empty] > -evidence.spacing).all()
    assert evidence.empty.any()


def test_a_partial_cloud_says_nothing_about_what_was_not_seen() -> None:
    half = sphere(2000)
    evidence = Evidence.of(Cloud(half[half[:, 0] > 0]), PointsConfig(complete=False))
    assert not evidence.empty.any()
    assert not evidence.least.any()


def test_of_a_shape_with_one_side_missing_only_the_other_side_is_known(exact: Callable[[Tensor], Tensor]) -> None:
    whole = sphere(3000)
    half = whole[whole[:, 0] >= 0.1]
    evidence = Evidence.of(Cloud(half), PointsConfig(seen=(1.0, 0.0, 0.0, 0.1)))
    unseen = evidence.places[:, 0] < 0.1
    assert not evidence.empty[unseen].any()
    assert not evidence.least[unseen].any()
    assert evidence.empty[~unseen].float().mean() > 0.3
    at = exact(evidence.places)
    assert (at[evidence.empty] > -evidence.spacing).all()
    assert (at.abs().clamp_max(0.1) >= evidence.least - 1e-3).all(), "but for a gap of the cloud"


def test_a_viewpoint_and_the_callers_word_make_places_empty() -> None:
    cloud, view = Cloud(sphere(2000)), (0.0, 0.0, 3.0)
    seen = Evidence.of(cloud, PointsConfig(complete=False, viewpoints=(view,)))
    assert 0 < int(seen.empty.sum()) < len(seen.empty)
    told = Evidence.of(cloud, PointsConfig(complete=False), torch.tensor([[0.9, 0.9, 0.9]]))
    assert (told.places[told.empty] == 0.9).all()
    assert int(told.empty.sum()) >= len(told.places) // 8


def sampled(space: Space, z: Tensor, count: int) -> Tensor:
    """Points on the decoded surface, by Newton's steps."""
    arch, theta = space.architectures[0], space.decode(z[None]).theta
    points = uniform_points(count, torch.Generator().manual_seed(3))
    for _ in range(30):
        at = points.detach().requires_grad_()
        with torch.enable_grad():
            value = run(arch, theta, at)[0]
            (slope,) = torch.autograd.grad(value.sum(), at)
        step = (value / slope.square().sum(1).clamp_min(1e-4))[:, None] * slope
        points = (points - step.clamp(-0.1, 0.1)).detach()
    good = (run(arch, theta, points)[0].abs() < 1e-4) & (points.abs() < 1).all(1)
    return points[good]


def test_a_latent_is_found_whose_surface_passes_through_the_points(space: Space) -> None:
    generator = torch.Generator().manual_seed(0)
    goal, gallery = torch.randn(8, generator=generator), torch.randn(20, 8, generator=generator)
    cloud = Cloud(sampled(space, goal, 3000))
    objective = FitPoints(space, Evidence.of(cloud, PointsConfig(complete=False)), PointsConfig(points=128))
    prior, config = Prior.of(gallery), LsoConfig(steps=60, lr=0.1, prior=0.0, patience=60)
    start = begin(objective, prior, config, gallery)
    end = [update.state for update in optimise(objective, prior, config, start)][-1]
    before, after = (float(objective.terms(z[None], CHECK)["surface"]) for z in (start.z, end.best))
    assert after < 0.5 * before
    assert "of them within 0.02 of its surface" in objective.verdict(end.best)


def test_terms_are_the_same_for_the_same_draw_and_differ_between_draws(space: Space) -> None:
    objective = FitPoints(space, Evidence.of(Cloud(sphere(500)), PointsConfig()), PointsConfig(points=64))
    z = torch.zeros(1, 8)
    first, again, other = (objective.terms(z, draw)["surface"] for draw in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_normals_say_which_side_is_inside(space: Space) -> None:
    """With normals turned inward the same network is a worse answer."""
    surface = sampled(space, torch.zeros(8), 2000)
    arch, theta = space.architectures[0], space.decode(torch.zeros(1, 8)).theta
    at = surface.detach().requires_grad_()
    (slope,) = torch.autograd.grad(run(arch, theta, at)[0].sum(), at)
    normals = slope / slope.norm(dim=1, keepdim=True)
    config = PointsConfig(complete=False, points=256)
    terms = [
        float(FitPoints(space, Evidence.of(Cloud(surface, n), config), config).terms(torch.zeros(1, 8), 0)["surface"])
        for n in (normals, -normals)
    ]
    assert terms[0] < terms[1]


def test_points_outside_the_cube_are_refused() -> None:
    with pytest.raises(BadPointCloud, match="got one at 1"):
        Evidence.of(Cloud(2 * sphere(100)), PointsConfig())


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadObjective, match="viewpoints"):
        viewpoints_from([[1.0, 2.0]])
    with pytest.raises(BadObjective, match="viewpoints"):
        PointsConfig(viewpoints=((0.0, 0.0, float("nan")),))
    with pytest.raises(BadObjective, match="seen"):
        PointsConfig(seen=(0.0, 0.0, 0.0, 1.0))
    with pytest.raises(BadPointCloud, match="empty"):
        Evidence.of(Cloud(sphere(100)), PointsConfig(), torch.full((2, 3), 4.0))


def test_details_are_searched_only_where_all_of_the_surface_was_seen() -> None:
    config = LsoConfig(steps=7)
    whole = with_details(config, PointsConfig())
    assert whole.details > 0
    assert whole.ridge > 0
    for known in (PointsConfig(complete=False), PointsConfig(seen=(1.0, 0.0, 0.0, 0.1))):
        assert with_details(config, known) == config
