"""Stretched, mirrored and bent copies of functions on [-1, 1]^3, from samples of the functions."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Stretch:
    """u -> factors * (u + bend(u)) axis by axis, for each of B functions; a negative factor mirrors.

    `factors` [B, 3]; `bends` [B, 3], none by default. A bend moves what lies between fixed ends: along x by a sine, so
    that what is symmetric stays so, along y and z by a cosine, which moves the middle (a seat) up or forward.
    """

    factors: Tensor
    bends: Tensor | None = None

    @classmethod
    def random(cls, count: int, amount: float, generator: torch.Generator, bend: float = 0.0) -> "Stretch":
        """Half of them mirrored left to right, axes scaled within 1 +- amount and bent; an amount of 0 does nothing."""
        if not amount:
            return cls(torch.ones(count, 3))
        scale = 1 + amount * (2 * torch.rand(count, 3, generator=generator) - 1)
        mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        factors = scale * torch.stack([mirror, torch.ones(count), torch.ones(count)], dim=1)
        if not bend:
            return cls(factors)
        reach = torch.tensor([bend, 0.6 * bend, 0.6 * bend])
        return cls(factors, reach * (2 * torch.rand(count, 3, generator=generator) - 1))

    def select(self, rows: Tensor | slice) -> "Stretch":
        return Stretch(self.factors[rows], None if self.bends is None else self.bends[rows])

    def only_mirrored(self, rows: Tensor) -> "Stretch":
        """The same, but for `rows` [B] (bool) left as they are or mirrored."""
        factors = torch.where(rows[:, None], self.factors.sign(), self.factors)
        return Stretch(factors, None if self.bends is None else self.bends * ~rows[:, None])

    def twice(self) -> "Stretch":
        """[2 B]: for pairs that are stretched alike."""
        return Stretch(self.factors.repeat(2, 1), None if self.bends is None else self.bends.repeat(2, 1))

    def _bend(self, u: Tensor) -> Tensor:
        """u [B, N, 3] -> displacement [B, N, 3]."""
        if self.bends is None:
            return torch.zeros_like(u)
        shape = torch.stack(
            [torch.sin(torch.pi * u[..., 0]) / torch.pi, *torch.cos(torch.pi / 2 * u[..., 1:]).unbind(-1)], -1
        )
        return self.bends[:, None] * shape

    def _slope(self, u: Tensor) -> Tensor:
        """d (u + bend(u)) / du, [B, N, 3]; positive for bends within 0.3."""
        if self.bends is None:
            return torch.ones_like(u)
        sine = -torch.pi / 2 * torch.sin(torch.pi / 2 * u[..., 1:])
        return 1 + self.bends[:, None] * torch.cat([torch.cos(torch.pi * u[..., :1]), sine], -1)

    def gain(self, points: Tensor) -> Tensor:
        """points [B, N, 3] of the functions -> [B, N]: by what distances grow there, on average over directions."""
        return (self.factors[:, None].abs() * self._slope(points)).prod(-1) ** (1 / 3)

    def points(self, points: Tensor) -> Tensor:
        """points [B, N, 3] of the functions -> of the stretched ones. Inverse of `sources`."""
        return self.factors[:, None] * (points + self._bend(points))

    def sources(self, points: Tensor, rounds: int = 12) -> Tensor:
        """points [B, N, 3] of the stretched functions -> of the functions. Inverse of `points`."""
        straight = points / self.factors[:, None]
        found = straight
        for _ in range(rounds if self.bends is not None else 0):
            found = straight - self._bend(found)
        return found

    def values(self, points: Tensor, values: Tensor) -> Tensor:
        """values [B, N] of the functions at points [B, N, 3] -> of the stretched functions there."""
        return values * self.gain(points)

    def lines(self, side: int) -> Tensor:
        """[B, side, 3]: the sources of a grid of `side` corners over [-1, 1]^3, axis by axis (axes do not mix)."""
        axis = torch.linspace(-1, 1, side, device=self.factors.device)
        return self.sources(axis[:, None].expand(len(self.factors), side, 3))

    def gains(self, lines: Tensor) -> Tensor:
        """`gain` on the grid [B, G, G, G] whose sources are `lines` [B, G, 3]."""
        return outer((self.factors[:, None].abs() * self._slope(lines)) ** (1 / 3))

    def resample(self, volume: Tensor, side: int) -> Tensor:
        """volume [B, V, V, V] of the functions -> the stretched functions on a grid [B, side, side, side]."""
        lines = self.lines(side)
        return self.gains(lines) * on_lines(volume, lines)


def outer(lines: Tensor) -> Tensor:
    """lines [B, G, 3] -> their products x * y * z, [B, G, G, G]."""
    x, y, z = lines.unbind(-1)
    return x[:, :, None, None] * y[:, None, :, None] * z[:, None, None, :]


def _weights(at: Tensor, size: int) -> Tensor:
    """Positions [B, G] in [-1, 1] -> [B, G, size]: what linear interpolation between `size` corners weighs them by."""
    corner = (at.clamp(-1, 1) + 1) * (size - 1) / 2
    return (1 - (corner[..., None] - torch.arange(size, device=at.device)).abs()).clamp_min(0)


def on_lines(volume: Tensor, lines: Tensor) -> Tensor:
    """volume [B, V, V, V] on the grid of positions lines [B, G, 3] -> [B, G, G, G], trilinear as `field_at`.

    Axis by axis, as three products of matrices: many times faster than looking up eight corners for every position.
    """
    b, v, g = len(volume), volume.shape[1], lines.shape[1]
    wx, wy, wz = (_weights(lines[..., axis], v) for axis in range(3))
    z = torch.bmm(volume.reshape(b, v * v, v), wz.transpose(1, 2)).reshape(b, v, v, g)
    y = torch.matmul(wy[:, None], z)  # [B, V, G, G]
    return torch.bmm(wx, y.reshape(b, v, g * g)).reshape(b, g, g, g)


def field_at(volume: Tensor, points: Tensor) -> Tensor:
    """volume [B, V, V, V] (axes x, y, z over [-1, 1]^3) at points [B, N, 3] -> [B, N], trilinear."""
    swapped = volume.permute(0, 3, 2, 1)[:, None]  # grid_sample reads (depth z, height y, width x)
    return F.grid_sample(swapped, points[:, :, None, None], align_corners=True, padding_mode="border")[:, 0, :, 0, 0]
