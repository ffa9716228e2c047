"""Where a shape is sampled: on its surface, near it, and in the volume."""

import torch
from torch import Tensor

from netspace.data.shapes import Shape, SurfaceSampled

NEAR, FAR = 0.012, 0.06
"""Deviations of the two clouds around the surface, in cube units."""


def uniform_points(count: int, generator: torch.Generator) -> Tensor:
    """[count, 3], uniform in [-1, 1]^3."""
    return 2 * torch.rand(count, 3, generator=generator) - 1


def projected(shape: Shape, points: Tensor, rounds: int = 3) -> Tensor:
    """points [N, 3] moved onto the surface along the gradient of the distance (Newton steps)."""
    for _ in range(rounds):
        with torch.enable_grad():
            at = points.detach().requires_grad_()
            value = shape.sdf(at)
            (slope,) = torch.autograd.grad(value.sum(), at)
        step = value.detach() / slope.square().sum(-1).clamp_min(0.25)
        points = (points - step[:, None] * slope).clamp(-1, 1)
    return points


def surface_points(shape: Shape, count: int, generator: torch.Generator) -> Tensor:
    """[count, 3] on the surface. Points start in the volume, so thin parts draw more than their share of area."""
    if isinstance(shape, SurfaceSampled):
        return shape.surface(count, int(torch.randint(2**31, (), generator=generator)))
    start = projected(shape, uniform_points(count, generator))
    return projected(shape, start + FAR * torch.randn(count, 3, generator=generator), rounds=2)


def around_surface(surface: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[count, 3] in random order: half within NEAR of `surface` [S, 3], a quarter within FAR, a quarter uniform."""
    near, far = count // 2, count // 4
    pick = torch.randint(len(surface), (near + far,), generator=generator)
    spread = torch.cat([torch.full((near, 1), NEAR), torch.full((far, 1), FAR)])
    noisy = surface[pick] + spread * torch.randn(near + far, 3, generator=generator)
    points = torch.cat([noisy, uniform_points(count - near - far, generator)]).clamp(-1, 1)
    return points[torch.randperm(count, generator=generator)]


def training_points(shape: Shape, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(points [count, 3], sdf [count]) to fit a network to."""
    points = around_surface(surface_points(shape, count // 2, generator), count, generator)
    return points, shape.sdf(points)


def grid_points(resolution: int, device: torch.device | str = "cpu") -> Tensor:
    """[R, R, R, 3]: the corners of a grid over [-1, 1]^3, axes (x, y, z)."""
    axis = torch.linspace(-1, 1, resolution, device=device)
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
