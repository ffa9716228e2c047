"""Procedural chairs: kinds and measures with known values, exact SDFs, a law for what lies between two of them."""

import math
from dataclasses import asdict, dataclass, fields, replace

import torch
from torch import Tensor

from netspace.data.shapes import HALF_EXTENT
from netspace.data.solids import Primitive, Union, bar, box, capsule, cylinder, normalised

BASES = ("legs", "pedestal", "star", "sled", "block")
BACKS = ("panel", "slats", "spindles", "ladder")
ARMS = ("none", "bar", "panel")
SEATS = ("box", "round")

RANGES: dict[str, tuple[float, float]] = {
    "seat_height": (0.36, 0.56),
    "seat_width": (0.38, 0.62),
    "seat_depth": (0.36, 0.58),
    "seat_thickness": (0.04, 0.13),
    "back_height": (0.28, 0.66),
    "back_width": (0.75, 1.0),
    "back_thickness": (0.04, 0.1),
    "back_tilt": (0.0, 16.0),
    "leg_radius": (0.025, 0.042),
    "leg_splay": (0.0, 0.07),
    "leg_inset": (0.0, 0.04),
    "column_radius": (0.03, 0.06),
    "foot_radius": (0.19, 0.28),
    "rail_radius": (0.021, 0.032),
    "spindle_radius": (0.018, 0.025),
    "bars": (2.6, 5.4),
    "arm_height": (0.16, 0.27),
    "arm_radius": (0.032, 0.05),
    "stretcher": (-0.5, 0.5),
    "softness": (0.1, 1.0),
}

MIN_GAP = 0.042
"""Metres left open between slats, spindles and ladder bars: two to three cells of a 64^3 grid, so that they show."""


@dataclass(frozen=True, kw_only=True)
class ChairParams:
    """Kinds, and measures in metres (tilt in degrees; back_width relative to the seat; bars is a count)."""

    base: str
    back: str
    arms: str
    seat: str
    square_legs: bool
    seat_height: float
    seat_width: float
    seat_depth: float
    seat_thickness: float
    back_height: float
    back_width: float
    back_thickness: float
    back_tilt: float
    leg_radius: float
    leg_splay: float
    leg_inset: float
    column_radius: float
    foot_radius: float
    rail_radius: float
    spindle_radius: float
    bars: float
    arm_height: float
    arm_radius: float
    stretcher: float
    softness: float

    def properties(self) -> dict[str, str | float]:
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(self).items()}


def random_params(generator: torch.Generator) -> ChairParams:
    """A chair with every kind and measure drawn independently."""

    def pick(options: tuple[str, ...], weights: tuple[float, ...] | None = None) -> str:
        w = torch.tensor(weights or (1.0,) * len(options), dtype=torch.float32)
        return options[int(torch.multinomial(w, 1, generator=generator))]

    values = {}
    for name, (low, high) in RANGES.items():
        values[name] = low + (high - low) * float(torch.rand((), generator=generator))
    return ChairParams(
        base=pick(BASES, (5, 2, 3, 3, 1)),
        back=pick(BACKS),
        arms=pick(ARMS, (6, 3, 1)),
        seat=pick(SEATS, (3, 1)),
        square_legs=bool(torch.rand((), generator=generator) < 0.5),
        **values,
    )


def between(a: ChairParams, b: ChairParams, t: float) -> ChairParams:
    """Measures interpolated linearly, kinds of the nearer end (those of `b` from t = 0.5 on)."""
    near = a if t < 0.5 else b
    measures = {name: (1 - t) * getattr(a, name) + t * getattr(b, name) for name in RANGES}
    return replace(near, **measures)


def _v(x: float, y: float, z: float) -> Tensor:
    return torch.tensor([x, y, z], dtype=torch.float32)


def _seat(p: ChairParams) -> list[Primitive]:
    half = p.seat_thickness / 2
    rounding = half * p.softness * 0.9
    if p.seat == "round":
        radius = (p.seat_width + p.seat_depth) / 4
        return [cylinder(_v(0, p.seat_height - 2 * half, 0), _v(0, p.seat_height, 0), radius, rounding)]
    return [box(_v(0, p.seat_height - half, 0), _v(p.seat_width / 2, half, p.seat_depth / 2), rounding)]


def _footing(p: ChairParams) -> tuple[float, float, float]:
    """Half width and half depth where the base meets the seat, and the height of that place."""
    reach = 0.7 if p.seat == "round" else 1.0
    margin = p.leg_radius + p.leg_inset
    top = p.seat_height - p.seat_thickness / 2
    return reach * p.seat_width / 2 - margin, reach * p.seat_depth / 2 - margin, top


def _legs(p: ChairParams) -> list[Primitive]:
    x, z, top = _footing(p)
    parts = []
    for sx in (-1, 1):
        for sz in (-1, 1):
            start, end = _v(sx * x, top, sz * z), _v(sx * (x + p.leg_splay), 0, sz * (z + p.leg_splay))
            r = p.leg_radius
            parts.append(bar(start, end, r, r, 0.2 * r) if p.square_legs else cylinder(start, end, r, 0.2 * r))
        if p.stretcher > 0:
            y = 0.35 * p.seat_height
            out = p.leg_splay * (1 - y / top)
            parts.append(capsule(_v(sx * (x + out), y, -z - out), _v(sx * (x + out), y, z + out), 0.75 * p.leg_radius))
    if p.stretcher > 0:
        parts.append(capsule(_v(-x - out, y, 0), _v(x + out, y, 0), 0.75 * p.leg_radius))
    return parts


def _pedestal(p: ChairParams) -> list[Primitive]:
    top = p.seat_height - p.seat_thickness / 2
    column = cylinder(_v(0, 0.01, 0), _v(0, top, 0), p.column_radius, 0.005)
    return [column, cylinder(_v(0, 0, 0), _v(0, 0.9 * p.column_radius, 0), p.foot_radius, 0.008)]


def _star(p: ChairParams) -> list[Primitive]:
    top = p.seat_height - p.seat_thickness / 2
    r, wheel = p.leg_radius, 0.032
    parts = [cylinder(_v(0, 0.06, 0), _v(0, top, 0), p.column_radius, 0.005)]
    for i in range(5):
        angle = math.pi / 2 + 2 * math.pi * i / 5
        x, z = p.foot_radius * math.cos(angle), p.foot_radius * math.sin(angle)
        parts.append(capsule(_v(0, 0.1, 0), _v(x, 0.065, z), r))
        parts.append(capsule(_v(x, wheel, z), _v(x * 1.001, wheel + 0.01, z * 1.001), wheel))
    return parts


def _sled(p: ChairParams) -> list[Primitive]:
    x, z, top = _footing(p)
    r = p.rail_radius
    parts = []
    for s in (-1, 1):
        front, back = _v(s * x, r, z), _v(s * x, r, -z)
        parts += [capsule(front, back, r), capsule(front, _v(s * x, top, z), r), capsule(back, _v(s * x, top, -z), r)]
    if p.stretcher > 0:
        parts.append(capsule(_v(-x, r, -z), _v(x, r, -z), r))
    return parts


def _block(p: ChairParams) -> list[Primitive]:
    x, z, top = _footing(p)
    low = 0.02 + 0.5 * p.leg_splay
    middle, half = (low + top) / 2, (top - low) / 2
    feet = [cylinder(_v(a * 0.8 * x, 0, b * 0.8 * z), _v(a * 0.8 * x, middle, b * 0.8 * z), 0.03, 0.004)
            for a in (-1, 1) for b in (-1, 1)]  # fmt: skip
    return [box(_v(0, middle, 0), _v(x, half, z), 0.03 * p.softness), *feet]


def _fitting(wanted: int, length: float, pitch: float) -> int:
    """How many bars stand in `length` at `pitch` or wider, at most as many as wanted, at least one."""
    return max(1, min(wanted, int(length / pitch) - 1))


def _back(p: ChairParams, kind: str) -> list[Primitive]:
    reach = 0.8 if p.seat == "round" else 1.0
    tilt = math.radians(p.back_tilt)
    thick = p.back_thickness / 2 if kind == "panel" else max(p.rail_radius, 0.35 * p.back_thickness)
    up, width = _v(0, math.cos(tilt), -math.sin(tilt)), reach * p.back_width * p.seat_width / 2
    foot = _v(0, p.seat_height - p.seat_thickness / 2, -reach * p.seat_depth / 2 + thick)
    height = p.back_height + p.seat_thickness / 2
    frame = torch.stack([_v(1, 0, 0), up, torch.linalg.cross(_v(1, 0, 0), up)], dim=1)

    def at(x: float, y: float) -> Tensor:
        return foot + up * y + _v(x, 0, 0)

    if kind == "panel":
        half = _v(width, height / 2, thick)
        return [box(at(0, height / 2), half, thick * p.softness * 0.9, frame)]
    post, edge = p.rail_radius * 1.15, width - p.rail_radius
    parts = [capsule(at(s * edge, 0), at(s * edge, height - post), post) for s in (-1, 1)]
    wanted = round(p.bars)
    if kind == "ladder":
        count = _fitting(wanted, p.back_height, 2 * MIN_GAP)
        bar_half = _v(width, min(0.028 + 0.02 * p.softness, 0.25 * p.back_height / count), 0.9 * p.rail_radius)
        places = [p.seat_thickness / 2 + p.back_height * (i + 0.9) / (count + 0.2) for i in range(count)]
        return parts + [box(at(0, min(y, height - float(bar_half[1]))), bar_half, 0.008, frame) for y in places]
    rail = _v(width, 0.022 + 0.02 * p.softness, max(0.8 * p.rail_radius, 0.015))
    parts.append(box(at(0, height - float(rail[1])), rail, 0.01, frame))
    if kind == "slats":
        inner = _fitting(wanted, 2 * edge, 2 * MIN_GAP)
        slat = _v(min(0.27 * 2 * edge / (inner + 1), 0.032), height / 2 - 0.01, 0.9 * p.rail_radius)
    else:
        inner = _fitting(wanted + 1, 2 * edge, MIN_GAP + 2 * p.spindle_radius)
    for i in range(inner):
        x = edge * (2 * (i + 1) / (inner + 1) - 1)
        if kind == "slats":
            parts.append(box(at(x, height / 2 - 0.005), slat, 0.006, frame))
        else:
            parts.append(capsule(at(x, 0), at(x, height - float(rail[1])), p.spindle_radius))
    return parts


def _arms(p: ChairParams) -> list[Primitive]:
    reach = 0.8 if p.seat == "round" else 1.0
    r = p.arm_radius
    x = reach * p.seat_width / 2 - 0.2 * r
    tilt = math.tan(math.radians(p.back_tilt))
    rear, front = -reach * p.seat_depth / 2 + 0.02, 0.30 * p.seat_depth
    y = p.seat_height + p.arm_height
    low = p.seat_height - p.seat_thickness * 0.6
    parts = []
    for s in (-1, 1):
        if p.arms == "panel":
            middle, half = (low + y) / 2, (y - low) / 2
            deep = (front - rear) / 2
            parts.append(box(_v(s * x, middle, (front + rear) / 2), _v(1.2 * r, half, deep), 0.8 * r * p.softness))
        else:
            reach_x = min(x, p.back_width * reach * p.seat_width / 2)
            end = _v(s * (reach_x - p.rail_radius), y, rear - tilt * p.arm_height)
            parts.append(capsule(end, _v(s * x, y, front), 0.75 * r))
            parts.append(capsule(_v(s * x, low, front - 0.02), _v(s * x, y, front - 0.02), 0.6 * r))
    return parts


BUILDERS = {"legs": _legs, "pedestal": _pedestal, "star": _star, "sled": _sled, "block": _block}


def primitives(p: ChairParams) -> list[Primitive]:
    """The chair's parts in metres: floor at y = 0, front towards +z, back towards -z."""
    arms = [] if p.arms == "none" else _arms(p)
    return _seat(p) + BUILDERS[p.base](p) + _back(p, p.back) + arms


@dataclass(frozen=True)
class Chair:
    """A procedural chair in [-1, 1]^3 with its exact SDF."""

    params: ChairParams
    solid: Union

    @classmethod
    def of(cls, params: ChairParams) -> "Chair":
        return cls(params, Union.of(normalised(primitives(params), HALF_EXTENT)))

    def sdf(self, points: Tensor) -> Tensor:
        return self.solid.sdf(points)

    def properties(self) -> dict[str, str | float]:
        return self.params.properties()


def in_between(a: ChairParams, b: ChairParams) -> Chair:
    """What should lie halfway: measures averaged, and the parts of both wherever the kinds differ, so it is whole."""
    first = between(a, b, 0.49)
    parts = primitives(first)
    if b.base != a.base:
        parts += BUILDERS[b.base](first)
    if b.back != a.back:
        parts += _back(first, b.back)
    return Chair(first, Union.of(normalised(parts, HALF_EXTENT)))


MEASURES = tuple(f.name for f in fields(ChairParams) if f.name in RANGES)
