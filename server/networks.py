"""Which network a request means: a latent's decoded twin, the upload itself, or a point between two of either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.errors import ShapeMismatch
from netspace.lines import latent_line, weight_line
from server.errors import DifferentSpaces
from server.latents import Latent, Latents
from server.registry import LoadedSpace
from server.store import vector_bytes

LineOf = Literal["latent", "weights"]
NetworkOf = Literal["decoded", "input"]


@dataclass(frozen=True)
class Line:
    """From `a` to `b`, latents [D], or parameters [P] of `arch` where that is given."""

    space: LoadedSpace
    a: Tensor
    b: Tensor
    arch: Architecture | None = None

    def networks(self, ts: Sequence[float]) -> tuple[Architecture, Tensor]:
        """(architecture, theta [T, P]) at every t, on the space's device."""
        if self.arch is None:
            return latent_line(self.space.space, self.a, self.b, ts)
        return self.arch, weight_line(self.arch, self.a, self.b, ts).to(self.space.space.device)

    def content(self) -> tuple[bytes, ...]:
        """All that decides which networks lie on it."""
        origin = self.space.identity if self.arch is None else self.arch.name
        return origin.encode(), vector_bytes(self.a), vector_bytes(self.b)


def thetas_of(places: Sequence[tuple[Line, float]]) -> list[tuple[Architecture, Tensor]]:
    """(architecture, theta [P]) at t of every line; latents of one space are decoded together."""
    out: dict[int, tuple[Architecture, Tensor]] = {}
    together: dict[str, list[int]] = {}
    for i, (line, t) in enumerate(places):
        if line.arch is None:
            together.setdefault(line.space.id, []).append(i)
        else:
            arch, thetas = line.networks([t])
            out[i] = arch, thetas[0]
    for members in together.values():
        space = places[members[0]][0].space.space
        z = torch.stack([torch.lerp(places[i][0].a, places[i][0].b, places[i][1]) for i in members])
        decoded = space.decode(z.to(space.device))
        for i, arch_id, theta in zip(members, decoded.arch_ids.tolist(), decoded.theta, strict=True):
            out[i] = space.architectures[arch_id], theta
    return [out[i] for i in range(len(places))]


def weights_between(latents: Latents, a: str, b: str) -> Line:
    """Through the raw weights of two latents' own networks.

    Raises UnknownName, DifferentSpaces, NoNetwork and ShapeMismatch.
    """
    first, last = latents.find(a), latents.find(b)
    if first.space.id != last.space.id:
        raise DifferentSpaces(f"expected two latents of one space, got {first.space.id!r} and {last.space.id!r}")
    (arch, theta), (other, end) = latents.network(first), latents.network(last)
    if arch != other:
        raise ShapeMismatch(f"weights: expected two networks of one architecture, got {arch.name} and {other.name}")
    return Line(first.space, theta, end, arch)


def line_at(latents: Latents, latent: Latent, of: NetworkOf) -> Line:
    """The line that stays at one latent: its decoded twin, or the network that was embedded. Raises NoNetwork."""
    if of == "decoded":
        return line_through(latent.space, latent.vector)
    arch, theta = latents.network(latent)
    return Line(latent.space, theta, theta, arch)


def line_through(space: LoadedSpace, z: Tensor) -> Line:
    """The line that stays at z [D]."""
    return Line(space, z, z)
