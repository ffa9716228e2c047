"""Embeds a network: encode it, refine the latent against its own answers, say how well its decoded twin does."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.behaviours import points_around
from netspace.errors import EmptyLevelSet, UnknownArchitecture
from netspace.fields import network_field
from netspace.functional import run
from netspace.grids import Grid, iou
from netspace.mesh import network_grid
from netspace.objectives import distance
from netspace.spaces.space import Space

RESOLUTION = 64
"""Grid on which decoded and input networks are compared."""
REPRESENTED = 0.6
"""IoU from which a network counts as represented by its decoded twin."""


@dataclass(frozen=True, kw_only=True)
class RefineConfig:
    """Adam on the latent against the input network's answers, in under a second on two cores."""

    steps: int = 100
    points: int = 512
    pool: int = 16384
    lr: float = 0.1
    clamp: float = 0.03
    seed: int = 0


@dataclass(frozen=True)
class Embedding:
    """z [D]; IoU of decoded and input network at 64^3; `first_iou` is the encoder's, before refinement."""

    z: Tensor
    iou: float
    first_iou: float

    @property
    def represented(self) -> bool:
        return self.iou >= REPRESENTED

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.iou >= 0.8:
            return f"Well represented: the decoded network agrees with yours (IoU {self.iou:.2f})."
        if self.represented:
            return f"Roughly represented: the decoded network has the shape but not every detail (IoU {self.iou:.2f})."
        return (
            f"Badly represented: the decoded network is another shape than yours (IoU {self.iou:.2f}). "
            "It probably lies outside this space: another kind of object, another orientation or another scale."
        )


@torch.enable_grad()
def refine(space: Space, z: Tensor, points: Tensor, values: Tensor, config: RefineConfig) -> Tensor:
    """z [B, D] moved so that decoded networks answer `values` [B, M] at `points` [B, M, 3]; never to a worse loss."""
    arch = space.architectures[0]
    start = z.detach()
    z = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([z], lr=config.lr, betas=(0.9, 0.95))
    count = min(config.points, points.shape[1])
    for step in range(config.steps):
        offset = (step * count) % max(1, points.shape[1] - count + 1)
        window = slice(offset, offset + count)
        optimiser.param_groups[0]["lr"] = config.lr * 0.5 * (1 + math.cos(math.pi * step / config.steps))
        answers = run(arch, space.decode(z).theta, points[:, window])
        loss = distance(answers, values[:, window], "l1", config.clamp).sum()
        (z.grad,) = torch.autograd.grad(loss, z)
        optimiser.step()
    with torch.no_grad():
        check = slice(0, 4096)
        before, after = (
            distance(run(arch, space.decode(at).theta, points[:, check]), values[:, check], "l1", config.clamp)
            for at in (start, z)
        )
        return torch.where((after < before)[:, None], z.detach(), start)


def samples(arch: Architecture, theta: Tensor, grid: Grid, config: RefineConfig) -> tuple[Tensor, Tensor]:
    """Points [M, 3] around the network's own surface (known from `grid`) and its answers [M]."""
    points = points_around(grid, config.pool, torch.Generator().manual_seed(config.seed)).to(theta.device)
    return points, network_field(arch, theta)(points)


@torch.no_grad()
def embed(space: Space, arch: Architecture, theta: Tensor, config: RefineConfig | None = None) -> Embedding:
    """Network theta [P] of any SDF architecture -> Embedding.

    Raises EmptyLevelSet if the network has no surface inside the cube, UnknownArchitecture if the space's encoder
    cannot read it.
    """
    if getattr(arch, "in_features", None) != 3:
        raise UnknownArchitecture(f"expected an SDF network of 3 inputs, got {arch.name}")
    config = config or RefineConfig()
    theta = theta.to(space.device)
    grid = network_grid(arch, theta, RESOLUTION)
    inside = grid.occupied()
    if not inside.any() or inside.all():
        raise EmptyLevelSet(
            f"expected an SDF with a surface inside [-1, 1]^3, negative inside; {arch.name} has none there"
        )
    z = space.encode(theta[None], arch)
    points, values = samples(arch, theta, grid, config)
    refined = refine(space, z, points[None], values[None], config)
    first, final = (iou(_decoded_inside(space, at), inside) for at in (z, refined))
    return Embedding(refined[0].cpu(), final, first) if final >= first else Embedding(z[0].cpu(), first, first)


def _decoded_inside(space: Space, z: Tensor) -> Tensor:
    decoded = space.decode(z)
    return network_grid(space.architectures[0], decoded.theta[0], RESOLUTION).occupied()
