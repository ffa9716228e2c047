from collections.abc import Callable

import pytest
import torch
import trimesh
from torch import Tensor

from netspace.data.meshes import from_trimesh
from netspace.data.points import (
    FAR,
    NEAR,
    around_surface,
    grid_points,
    projected,
    surface_points,
    training_points,
    uniform_points,
)
from netspace.data.solids import Union

Ball = Callable[..., Union]


def test_uniform_points_fill_the_cube(generator: torch.Generator) -> None:
    points = uniform_points(5000, generator)
    assert points.abs().max() <= 1
    counts = torch.histc(points[:, 0], 4, -1, 1)
    assert (counts > 1100).all()


def test_projected_points_lie_on_the_surface_along_the_gradient(ball: Ball, generator: torch.Generator) -> None:
    solid = ball(0.5, 0.1, 0.0, -0.2)
    start = uniform_points(200, generator)
    moved = projected(solid, start)
    assert solid.sdf(moved).abs().max() < 1e-4
    centre = torch.tensor([0.1, 0.0, -0.2])
    cosine = torch.cosine_similarity(start - centre, moved - centre)
    torch.testing.assert_close(cosine, torch.ones(200), atol=1e-3, rtol=0)


def test_surface_points_lie_on_the_surface_and_all_around_it(ball: Ball, generator: torch.Generator) -> None:
    solid = ball(0.5)
    points = surface_points(solid, 2000, generator)
    assert solid.sdf(points).abs().max() < 1e-3
    octants = {tuple(signs) for signs in (points > 0).int().tolist()}
    assert len(octants) == 8


def test_a_shape_that_samples_its_own_surface_is_asked_to(generator: torch.Generator) -> None:
    shape = from_trimesh(trimesh.creation.box((1, 1, 1)), normalise=False)
    points = surface_points(shape, 300, generator)
    torch.testing.assert_close(points.abs().amax(1), torch.full((300,), 0.5))


def test_three_quarters_of_the_points_are_near_the_surface(ball: Ball, generator: torch.Generator) -> None:
    solid = ball(0.5)
    points = around_surface(surface_points(solid, 2000, generator), 4000, generator)
    distance = solid.sdf(points).abs()
    near, far = (distance < 3 * NEAR).float().mean(), (distance < 3 * FAR).float().mean()
    assert 0.5 < near < 0.75
    assert 0.75 <= far < 0.9
    assert points.abs().max() <= 1


@pytest.mark.parametrize("count", [4, 7, 1001])
def test_as_many_training_points_as_asked_for_with_their_distances(
    count: int, ball: Ball, generator: torch.Generator
) -> None:
    solid = ball(0.4)
    points, sdf = training_points(solid, count, generator)
    assert points.shape == (count, 3)
    torch.testing.assert_close(sdf, points.norm(dim=1) - 0.4, atol=1e-5, rtol=1e-5)


def test_training_points_are_decided_by_the_generator(ball: Ball) -> None:
    def draw(seed: int) -> Tensor:
        return training_points(ball(0.4), 100, torch.Generator().manual_seed(seed))[0]

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_grid_points_have_axes_x_y_z_and_reach_the_corners() -> None:
    grid = grid_points(5)
    assert grid[0, 0, 0].tolist() == [-1, -1, -1]
    assert grid[4, 0, 2].tolist() == [1, -1, 0]
    assert grid[1, 3, 4].tolist() == [-0.5, 0.5, 1]
