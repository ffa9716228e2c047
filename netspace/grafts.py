"""New shapes from parts of two: the upper part of one set on the lower part of another, as functions.

A thousand chairs are few, but half a million pairs of seats and backs are not. Where the two meet is found in the
functions themselves, so that any chair (or table, or vase) serves, whatever it was made from.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.stretch import Stretch, field_at, on_lines

OVERLAP = 0.04
"""How far either part reaches beyond the cut, so that what is solid in both stays solid."""
SEARCH = (-0.55, 0.45)
"""Heights between which the cut, the largest level section, is looked for."""


@dataclass(frozen=True)
class Section:
    """The largest level section of each of B shapes: its height [B], its middle and half extent in x and z [B, 2]."""

    height: Tensor
    middle: Tensor
    half: Tensor

    @classmethod
    def largest(cls, volume: Tensor) -> "Section":
        """Of volumes [B, V, V, V] of signed distances."""
        axis = torch.linspace(-1, 1, volume.shape[1])
        inside = volume < 0
        area = inside.sum((1, 3)).float() * ((axis > SEARCH[0]) & (axis < SEARCH[1]))
        level = area.argmax(1)
        slab = inside[torch.arange(len(volume)), :, level]  # [B, x, z]
        low, high = [], []
        for shadow in (slab.any(2), slab.any(1)):
            where = torch.where(shadow, axis, torch.inf)
            low.append(where.amin(1))
            high.append(torch.where(shadow, axis, -torch.inf).amax(1))
        ends = torch.stack([torch.stack(low, -1), torch.stack(high, -1)])
        ends = torch.where(ends.isfinite(), ends, torch.tensor([-0.5, 0.5])[:, None, None])
        return cls(axis[level], ends.mean(0), ((ends[1] - ends[0]) / 2).clamp_min(0.05))

    def of(self, rows: Tensor) -> "Section":
        return Section(self.height[rows], self.middle[rows], self.half[rows])


@dataclass(frozen=True)
class Graft:
    """Upper parts moved by q -> scale * q + shift onto lower parts, cut at `height`: [B, 3], [B, 3], [B]."""

    scale: Tensor
    shift: Tensor
    height: Tensor

    @classmethod
    def between(cls, lower: Section, upper: Section, generator: torch.Generator) -> "Graft":
        """Sections meet in height, place and size; the upper part grows or shrinks in height by up to 15%."""
        level = (lower.half / upper.half).clamp(0.7, 1.4)
        tall = 1 + 0.15 * (2 * torch.rand(len(level), generator=generator) - 1)
        room = (0.97 - lower.height) / (0.97 - upper.height).clamp_min(0.05)
        tall = torch.minimum(tall, room.clamp_min(0.6))
        scale = torch.stack([level[:, 0], tall, level[:, 1]], -1)
        ends = torch.stack([lower.middle[:, 0], lower.height, lower.middle[:, 1]], -1)
        starts = torch.stack([upper.middle[:, 0], upper.height, upper.middle[:, 1]], -1)
        return cls(scale, ends - scale * starts, lower.height)

    def sources(self, points: Tensor) -> Tensor:
        """points [B, N, 3] of the new shapes -> of those whose upper part they have."""
        return (points - self.shift[:, None]) / self.scale[:, None]

    def moved(self, points: Tensor) -> Tensor:
        """Inverse of `sources`."""
        return points * self.scale[:, None] + self.shift[:, None]

    @property
    def gain(self) -> Tensor:
        """[B]: by what the upper parts' distances grow, on average over directions."""
        return self.scale.prod(-1) ** (1 / 3)

    def joined(self, lower: Tensor, upper: Tensor, above: Tensor) -> Tensor:
        """Values of the new shapes from those of either and the height above the cut, all of one shape."""
        return torch.minimum(torch.maximum(lower, above - OVERLAP), torch.maximum(upper, -OVERLAP - above))

    def samples(
        self, lower: tuple[Tensor, Tensor, Tensor], upper: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Points [B, N, 3] and values [B, N] from (volume, points, values) of the lower and of the upper shapes.

        Half of the points are the lower shapes' own, where they are kept as far as there are enough, half the upper's.
        """
        height, gain = self.height[:, None], self.gain[:, None]
        half = lower[1].shape[1] // 2
        below, mine = _first(lower[1], lower[2], lower[1][..., 1] < height + OVERLAP, half)
        moved = self.moved(upper[1])
        above, theirs = _first(moved, upper[2] * gain, moved[..., 1] > height - OVERLAP, lower[1].shape[1] - half)
        points = torch.cat([below, above], 1)
        of_lower = torch.cat([mine, field_at(lower[0], above)], 1)
        of_upper = torch.cat([field_at(upper[0], self.sources(below)) * gain, theirs], 1)
        return points, self.joined(of_lower, of_upper, points[..., 1] - height)

    def resample(self, lower: Tensor, upper: Tensor, stretch: Stretch, side: int) -> Tensor:
        """Volumes [B, V, V, V] of both -> the new shapes, stretched, on a grid [B, side, side, side]."""
        lines = stretch.lines(side)
        of_upper = on_lines(upper, self.sources(lines)) * self.gain[:, None, None, None]
        above = (lines[..., 1] - self.height[:, None])[:, None, :, None]
        return stretch.gains(lines) * self.joined(on_lines(lower, lines), of_upper, above)


def _first(points: Tensor, values: Tensor, wanted: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`count` of the points [B, N, 3] and values [B, N], the wanted [B, N] before the others."""
    order = torch.argsort((~wanted).to(torch.uint8), dim=1, stable=True)[:, :count]
    return points.gather(1, order[..., None].expand(-1, -1, 3)), values.gather(1, order)
