"""Exact signed distances of unions of rounded boxes and rounded cylinders (capsules and balls among them)."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Primitive:
    """A rounded box (half extents) or a rounded cylinder about its local y axis (radius, half height, radius).

    centre [3]; rotation [3, 3], columns are the local axes; half [3]; rounding <= the smallest half extent.
    A cylinder whose rounding equals its radius is a capsule.
    """

    round: bool
    centre: Tensor
    rotation: Tensor
    half: Tensor
    rounding: float

    def extent(self) -> Tensor:
        """Half extents [3] of the axis-aligned bounding box."""
        r = self.rounding
        core = self.half - r
        if not self.round:
            return self.rotation.abs() @ core + r
        axis = self.rotation[:, 1]
        disc = (1 - axis.square()).clamp_min(0).sqrt() * core[0]
        return axis.abs() * core[1] + disc + r


def frame_along(direction: Tensor) -> Tensor:
    """Rotation [3, 3] whose second column is `direction` [3] (normalised); the others are level where possible.

    The identity for a zero direction, as a capsule with equal ends (a ball) has one.
    """
    if not direction.any():
        return torch.eye(3)
    y = direction / direction.norm()
    helper = torch.tensor([0.0, 0.0, 1.0]) if abs(float(y[2])) < 0.9 else torch.tensor([0.0, 1.0, 0.0])
    x = torch.linalg.cross(y, helper)
    x = x / x.norm()
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=1)


def box(centre: Tensor, half: Tensor, rounding: float, rotation: Tensor | None = None) -> Primitive:
    rounding = min(rounding, 0.98 * float(half.min()))
    return Primitive(False, centre, torch.eye(3) if rotation is None else rotation, half, rounding)


def cylinder(start: Tensor, end: Tensor, radius: float, rounding: float) -> Primitive:
    """From `start` to `end` (flat ends, edges rounded)."""
    half = torch.tensor([radius, float((end - start).norm()) / 2, radius])
    return Primitive(True, (start + end) / 2, frame_along(end - start), half, min(rounding, float(half.min())))


def capsule(start: Tensor, end: Tensor, radius: float) -> Primitive:
    """Round ends about `start` and `end`."""
    half = torch.tensor([radius, float((end - start).norm()) / 2 + radius, radius])
    return Primitive(True, (start + end) / 2, frame_along(end - start), half, radius)


def bar(start: Tensor, end: Tensor, half_width: float, half_depth: float, rounding: float) -> Primitive:
    """A rounded box along a segment."""
    half = torch.tensor([half_width, float((end - start).norm()) / 2, half_depth])
    return box((start + end) / 2, half, rounding, frame_along(end - start))


@dataclass(frozen=True)
class Union:
    """The union of primitives, stacked for evaluation; distances are exact outside and on the surface."""

    round: Tensor  # [n] bool
    centre: Tensor  # [n, 3]
    rotation: Tensor  # [n, 3, 3]
    core: Tensor  # [n, 3], half extents less the rounding
    rounding: Tensor  # [n]

    @classmethod
    def of(cls, primitives: list[Primitive]) -> "Union":
        primitives = sorted(primitives, key=lambda p: p.round)
        return cls(
            round=torch.tensor([p.round for p in primitives]),
            centre=torch.stack([p.centre for p in primitives]),
            rotation=torch.stack([p.rotation for p in primitives]),
            core=torch.stack([p.half - p.rounding for p in primitives]),
            rounding=torch.tensor([p.rounding for p in primitives]),
        )

    def sdf(self, points: Tensor) -> Tensor:
        """points [N, 3] -> signed distance [N], negative inside."""
        boxes = int((~self.round).sum())
        local = torch.einsum("nkc,kcd->nkd", points[:, None] - self.centre, self.rotation)
        q = local.abs() - self.core
        parts = []
        if boxes:
            b = q[:, :boxes]
            parts.append(b.clamp_min(0).norm(dim=-1) + b.amax(-1).clamp_max(0) - self.rounding[:boxes])
        if boxes < len(self.round):
            radial = local[:, boxes:, ::2].norm(dim=-1) - self.core[boxes:, 0]
            c = torch.stack([radial, q[:, boxes:, 1]], dim=-1)
            parts.append(c.clamp_min(0).norm(dim=-1) + c.amax(-1).clamp_max(0) - self.rounding[boxes:])
        return torch.cat(parts, dim=1).amin(1)


def normalised(primitives: list[Primitive], half_extent: float) -> list[Primitive]:
    """Moved and scaled so that the bounding box is centred and its largest half extent is `half_extent`."""
    low = torch.stack([p.centre - p.extent() for p in primitives]).amin(0)
    high = torch.stack([p.centre + p.extent() for p in primitives]).amax(0)
    middle, scale = (low + high) / 2, half_extent / float((high - low).max() / 2)
    return [
        Primitive(p.round, (p.centre - middle) * scale, p.rotation, p.half * scale, p.rounding * scale)
        for p in primitives
    ]
