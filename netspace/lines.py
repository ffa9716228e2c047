"""What lies between two networks: through the latent space, and through raw weights for comparison."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.errors import BadLatent, ShapeMismatch
from netspace.mesh import Solidity, network_grid
from netspace.spaces.space import Space


def _weights(a: Tensor, b: Tensor, ts: Sequence[float]) -> Tensor:
    """[T, 2]: how much of each end there is at every t."""
    if not len(ts):
        raise ShapeMismatch("ts: expected at least one position, got none")
    if a.shape != b.shape:
        raise ShapeMismatch(f"expected two ends of one shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    t = torch.tensor(ts, dtype=a.dtype, device=a.device)
    return torch.stack([1 - t, t], dim=1)


def line(a: Tensor, b: Tensor, ts: Sequence[float]) -> Tensor:
    """a, b [D] -> (1 - t) a + t b for every t: [T, D]. Raises ShapeMismatch if the ends differ, or there is no t."""
    first, last = _weights(a, b, ts)[:, :, None].unbind(1)
    return first * a + last * b


def latents_between(space: Space, a: Tensor, b: Tensor, ts: Sequence[float]) -> Tensor:
    """Latents a, b [D] -> those at every t of the line, whose details fade towards its middle: [T, D].

    Raises ShapeMismatch as `line` does, BadLatent for another size than the space's.
    """
    weights = _weights(a, b, ts)
    if a.shape != (space.size,):
        raise BadLatent(f"latent: expected [B, {space.size}], got {tuple(a.shape)}")
    return space.blend(weights, torch.stack([a, b]))


@torch.no_grad()
def latent_networks(space: Space, a: Tensor, b: Tensor, ts: Sequence[float]) -> list[tuple[Architecture, Tensor]]:
    """The networks decoded along the line between latents a and b [D], each of the architecture predicted for it."""
    if not bool(torch.isfinite(a).all() and torch.isfinite(b).all()):
        raise BadLatent("expected finite latents, got NaN or infinity")
    return list(space.networks(space.decode(latents_between(space, a.to(space.device), b.to(space.device), ts))))


@torch.no_grad()
def latent_line(space: Space, a: Tensor, b: Tensor, ts: Sequence[float]) -> tuple[Architecture, Tensor]:
    """The same for a space of one architecture -> (architecture, theta [T, P])."""
    assert len(space.architectures) == 1, "networks of several architectures do not stack"
    return space.architectures[0], torch.stack([theta for _, theta in latent_networks(space, a, b, ts)])


def weight_line(arch: Architecture, a: Tensor, b: Tensor, ts: Sequence[float]) -> Tensor:
    """Raw weights of one architecture along the line between theta a and b [P] -> [T, P]."""
    if a.shape != (arch.layout.size,):
        raise ShapeMismatch(f"{arch.name}: expected [{arch.layout.size}], got {tuple(a.shape)}")
    return line(a, b, ts)


@dataclass(frozen=True)
class Description:
    """What a decoded SDF network is: volume in the cube's units (of 8), number of parts, the largest part's share."""

    volume: float
    parts: int
    largest_share: float

    @property
    def empty(self) -> bool:
        return self.parts == 0


def describe(arch: Architecture, theta: Tensor, resolution: int = 64) -> Description:
    """theta [P] -> what its solid is made of; a network without a surface is described as empty, not refused."""
    solid = Solidity.of(network_grid(arch, theta, resolution))
    return Description(solid.volume, solid.parts, solid.largest_share)
