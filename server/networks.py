"""Which network a request means: a latent's decoded twin, the upload itself, or a point between two of either."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.errors import ShapeMismatch
from netspace.lines import latent_networks, latents_between, weight_line
from server.errors import DifferentSpaces
from server.latents import Latent, Latents
from server.registry import LoadedSpace
from server.store import vector_bytes
from server.tasks.base import Network

LineOf = Literal["latent", "weights"]
NetworkOf = Literal["decoded", "input"]


@dataclass(frozen=True)
class Line:
    """From `a` to `b`, latents [D], or parameters [P] of `arch` where that is given."""

    space: LoadedSpace
    a: Tensor
    b: Tensor
    arch: Architecture | None = None
    entries: tuple[str, str] | None = None
    """The gallery's networks at its ends, where both are."""

    def networks(self, ts: Sequence[float]) -> list[Network]:
        """(architecture, theta [P]) at every t, on the space's device."""
        if self.arch is None:
            return latent_networks(self.space.space, self.a, self.b, ts)
        arch = self.arch
        return [(arch, theta) for theta in weight_line(arch, self.a, self.b, ts).to(self.space.space.device)]

    def network(self, t: float) -> Network:
        """(architecture, theta [P]) at t."""
        return self.networks([t])[0]

    def latent(self, t: float) -> Tensor:
        """z [D] at t."""
        assert self.arch is None, "raw weights have no latent"
        return latents_between(self.space.space, self.a, self.b, [t])[0]

    def content(self) -> tuple[bytes, ...]:
        """All that decides which networks lie on it."""
        origin = self.space.identity if self.arch is None else self.arch.name
        return origin.encode(), vector_bytes(self.a), vector_bytes(self.b)


def thetas_of(places: Sequence[tuple[Line, float]]) -> list[Network]:
    """(architecture, theta [P]) at t of every line; latents of one space are decoded together."""
    out: dict[int, Network] = {}
    together: dict[str, list[int]] = {}
    for i, (line, t) in enumerate(places):
        if line.arch is None:
            together.setdefault(line.space.id, []).append(i)
        else:
            out[i] = line.network(t)
    for members in together.values():
        space = places[members[0]][0].space.space
        z = torch.stack([places[i][0].latent(places[i][1]) for i in members])
        out |= zip(members, space.networks(space.decode(z.to(space.device))), strict=True)
    return [out[i] for i in range(len(places))]


def entries_of(first: Latent, last: Latent) -> tuple[str, str] | None:
    """The keys of two latents of the gallery."""
    return (first.key, last.key) if first.origin == last.origin == "gallery" else None


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
    return Line(first.space, theta, end, arch, entries_of(first, last))


def line_at(latents: Latents, latent: Latent, of: NetworkOf) -> Line:
    """The line that stays at one latent: its decoded twin, or the network that was embedded. Raises NoNetwork."""
    if of == "decoded":
        return Line(latent.space, latent.vector, latent.vector, None, entries_of(latent, latent))
    arch, theta = latents.network(latent)
    return Line(latent.space, theta, theta, arch, entries_of(latent, latent))


def line_through(space: LoadedSpace, z: Tensor) -> Line:
    """The line that stays at z [D]."""
    return Line(space, z, z)
