from collections.abc import Callable

import numpy as np
import pytest
import torch

from netspace.compare import TOLERANCE, likeness, surface, surface_distances
from netspace.data.solids import Primitive, Union, box, capsule
from netspace.data.sources import chair_of_seed
from netspace.grids import Grid, dense_grid, sparse_grid

Ball = Callable[..., Union]


def test_a_solid_is_wholly_like_itself() -> None:
    grid = sparse_grid(chair_of_seed(1).sdf, 48)
    like = likeness(grid, grid)
    assert (like.iou, like.chamfer, like.f_score) == (1.0, 0.0, 1.0)


def test_the_same_solid_from_another_sampling_is_almost_wholly_alike(ball: Ball) -> None:
    like = likeness(sparse_grid(ball(0.3).sdf, 48), dense_grid(ball(0.301).sdf, 48))
    assert like.iou > 0.95
    assert like.chamfer < TOLERANCE
    assert like.f_score > 0.98


def test_likeness_is_symmetric(ball: Ball) -> None:
    a, b = sparse_grid(ball(0.5).sdf, 32), sparse_grid(ball(0.45, 0.1).sdf, 32)
    ab, ba = likeness(a, b), likeness(b, a)
    assert (ab.iou, ab.chamfer, ab.f_score) == pytest.approx((ba.iou, ba.chamfer, ba.f_score))


def test_the_chamfer_distance_of_concentric_balls_is_their_gap(ball: Ball) -> None:
    like = likeness(sparse_grid(ball(0.5).sdf, 64), sparse_grid(ball(0.4).sdf, 64))
    assert like.chamfer == pytest.approx(0.1, rel=0.05)
    assert like.iou == pytest.approx(0.4**3 / 0.5**3, rel=0.05)
    assert like.f_score == 0


def test_lost_thin_rods_hardly_change_the_iou_but_show_in_the_f_score() -> None:
    body = box(torch.tensor([0.0, 0.4, 0.0]), torch.tensor([0.4, 0.25, 0.4]), 0.02)

    def rod(x: float) -> Primitive:
        return capsule(torch.tensor([x, 0.2, 0.0]), torch.tensor([x, -0.8, 0.0]), 0.04)

    whole, lost = Union.of([body, rod(-0.3), rod(0.0), rod(0.3)]), Union.of([body])
    like = likeness(sparse_grid(whole.sdf, 64), sparse_grid(lost.sdf, 64))
    assert like.iou > 0.9
    assert like.f_score < 0.9
    assert like.f_score < like.iou - 0.03


def test_found_and_wanted_shares_are_averaged_harmonically() -> None:
    a, b = np.array([[0.0, 0, 0], [1.0, 0, 0]]), np.array([[0.0, 0, 0]])
    chamfer, f_score = surface_distances(a, b)
    assert chamfer == pytest.approx((0.5 + 0.0) / 2)
    assert f_score == pytest.approx(2 * 0.5 * 1 / 1.5)


def test_a_missing_surface_is_as_unlike_as_can_be(ball: Ball) -> None:
    nothing = Grid(torch.ones(33, 33, 33), 0)
    like = likeness(nothing, sparse_grid(ball(0.5).sdf, 32))
    assert (like.iou, like.chamfer, like.f_score) == (0.0, 2.0, 0.0)
    assert surface(nothing).shape == (0, 3)


def test_surface_points_lie_on_the_surface(ball: Ball) -> None:
    points = surface(sparse_grid(ball(0.5).sdf, 48))
    assert np.abs(np.linalg.norm(points, axis=1) - 0.5).max() < 0.01
