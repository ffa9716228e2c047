"""A scalar field on a regular grid over [-1, 1]^3, evaluated coarse to fine, and what is solid in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from netspace.cubes import places_of
from netspace.native import call, library

Field = Callable[[Tensor], Tensor]
"""points [N, 3] -> values [N], negative inside."""


@dataclass(frozen=True)
class Grid:
    """values [R+1, R+1, R+1] at the corners of R^3 cells, axes (x, y, z). Far from the surface only signs are exact."""

    values: Tensor
    evaluated: int

    @property
    def resolution(self) -> int:
        return self.values.shape[0] - 1

    def occupied(self) -> Tensor:
        """[R+1, R+1, R+1] bool: corners inside the solid."""
        return self.values < 0


def lattice(size: int, stride: int, resolution: int, device: torch.device) -> Tensor:
    """[size, size, size, 3]: every `stride`-th corner of a grid of `resolution` cells a side."""
    axis = torch.arange(size, device=device) * (2.0 * stride / resolution) - 1
    return torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)


def dense_grid(field: Field, resolution: int, device: torch.device | str = "cpu") -> Grid:
    """Every corner evaluated: the reference for `sparse_grid`."""
    points = lattice(resolution + 1, 1, resolution, torch.device(device))
    values = field(points.reshape(-1, 3)).reshape(points.shape[:-1])
    return Grid(values, values.numel())


USUAL, CALM = 0.9, 1.25
"""A field is as steep as its samples say if USUAL of them are at most CALM times as steep as a distance. The shipped
space's networks are (0.5 to 1.2); small or badly fitted ones (up to 2.2) are steeper between samples than at them."""

COARSE = 12
"""Cells a side of the coarsest grid, which is evaluated as a whole: at least so many, and less than twice as many."""

AHEAD = 0.19
"""A level that is not the last evaluates what is so near, in cells of the level before: each such value settles several
corners of the next level, so that all in all 40% fewer are evaluated (64^3, the shipped networks; from 0.15 to 0.2 it
matters little)."""

NEW = tuple(odd for odd in product((0, 1), repeat=3) if any(odd))
"""Where a finer grid's new corners lie: halfway along the axes that are 1, between 2, 4 or 8 corners."""

Combine = Callable[[Tensor, Tensor], Tensor]


def _between(corners: Tensor, odd: tuple[int, ...], combine: Combine) -> Tensor:
    """corners [n+1, n+1, n+1], every two neighbours along the axes that are odd combined (with maximum, say)."""
    for axis in range(3):
        if odd[axis]:
            n = corners.shape[axis] - 1
            corners = combine(corners.narrow(axis, 0, n), corners.narrow(axis, 1, n))
    return corners


def _mean(a: Tensor, b: Tensor) -> Tensor:
    return (a + b) / 2


def _squares(values: Tensor, exact: Tensor) -> Tensor:
    """Around every corner [n+1, n+1, n+1] the squared rise of the steepest edge between exact values, over all axes."""
    squares = torch.zeros_like(values)
    for axis in range(3):
        n = values.shape[axis] - 1
        rise = values.diff(dim=axis).abs() * (exact.narrow(axis, 0, n) & exact.narrow(axis, 1, n))
        ends = F.pad(rise.movedim(axis, -1), (1, 1)).movedim(-1, axis)
        squares += torch.maximum(ends.narrow(axis, 0, n + 1), ends.narrow(axis, 1, n + 1)).square()
    return squares


def _largest_nearby(corners: Tensor) -> Tensor:
    """corners [n+1, n+1, n+1], not negative -> the largest of each and its 26 neighbours."""
    for axis in range(3):
        n = corners.shape[axis]
        ends = F.pad(corners.movedim(axis, -1), (1, 1)).movedim(-1, axis)
        corners = torch.maximum(corners, torch.maximum(ends.narrow(axis, 0, n), ends.narrow(axis, 2, n)))
    return corners


def _usual(known: Tensor) -> float:
    """What USUAL of these [N] are at most; NumPy finds it faster."""
    k = max(1, int(USUAL * len(known))) - 1
    if known.device.type == "cpu":
        return float(np.partition(known.numpy(), k)[k])
    return float(known.kthvalue(k + 1).values)


def _crossing(inside: Tensor) -> Tensor:
    """bool [n+1, n+1, n+1]: corners of which a neighbour along an axis is on the other side."""
    ends = torch.zeros_like(inside)
    for axis in range(3):
        n = inside.shape[axis] - 1
        crossed = inside.narrow(axis, 0, n) ^ inside.narrow(axis, 1, n)
        ends.narrow(axis, 0, n).logical_or_(crossed)
        ends.narrow(axis, 1, n).logical_or_(crossed)
    return ends


class _Corners:
    """Corners [n+1, n+1, n+1] `spacing` apart: values, which of them were evaluated, and bounds of the others.

    A bound has the field's sign and is no farther from zero than the field is. `values` there are means of neighbours,
    or where nobody will look at them (not `smooth`) the bounds themselves.
    """

    def __init__(self, field: Field, cells: int, spacing: float, smooth: bool, device: torch.device) -> None:
        self._field, self.spacing, self.smooth = field, spacing, smooth
        self.bounds = torch.empty((cells + 1,) * 3, device=device)
        self.values = torch.empty_like(self.bounds) if smooth else self.bounds
        self.exact = torch.zeros_like(self.bounds, dtype=torch.bool)

    def evaluate(self, places: Tensor) -> int:
        """The field at these places of the flat grid; how many they are."""
        if len(places):
            self._put(places, self._field(self._points(places)))
        return len(places)

    def _points(self, places: Tensor) -> Tensor:
        size = len(self.values)
        plane, z = places // size, places % size
        corners = torch.stack([plane // size, plane % size, z], dim=1)
        return corners.to(self.values.dtype) * self.spacing - 1

    def _put(self, places: Tensor, answers: Tensor) -> None:
        self.values.view(-1)[places] = self.bounds.view(-1)[places] = answers
        self.exact.view(-1)[places] = True

    def _finer(self) -> Self:
        """Empty, at half the spacing."""
        cells = 2 * (len(self.values) - 1)
        return type(self)(self._field, cells, self.spacing / 2, self.smooth, self.values.device)

    def refined(self, band: float, ahead: float) -> tuple[Self, Tensor]:
        """The same at half the spacing, and at which of its places it has to be evaluated.

        A corner's value v bounds the field at a distance d by v - slope d and v + slope d. A new corner whose nearest
        old ones leave it on one side, more than `band` from zero and than the field usually rises along `ahead` of an
        old edge, needs no more.
        """
        fine = self._finer()
        squares, usual = self._rises()
        band = max(band, ahead * math.sqrt(usual))
        wanted = torch.zeros_like(fine.exact)
        old = (slice(None, None, 2),) * 3
        fine.values[old], fine.bounds[old], fine.exact[old] = self.values, self.bounds, self.exact
        rises = _largest_nearby(squares).clamp_min(usual).sqrt()
        reaches = [rises * (math.sqrt(axes) / 2) for axes in (1, 2, 3)]
        around = [(self.bounds - reach, self.bounds + reach) for reach in reaches]
        for odd in NEW:
            new = tuple(slice(start, None, 2) for start in odd)
            low, high = around[sum(odd) - 1]
            least, most = _between(low, odd, torch.maximum), _between(high, odd, torch.minimum)
            outside, inside = least > band, most < -band
            wanted[new] = outside == inside
            fine.bounds[new] = bounds = torch.where(outside, least, most)
            if self.smooth:
                mean = _between(self.values, odd, _mean)
                fine.values[new] = torch.where((mean < 0) == inside, mean, bounds)
        return fine, places_of(wanted)

    def _rises(self) -> tuple[Tensor, float]:
        """The squared rise of the field around every corner, along an old edge, and what it is at least: as that of a
        distance, or as it usually is. In a field that is not calm, as it is anywhere."""
        squares = self._squares()
        known = squares[self.exact]
        usual = _usual(known)
        least = usual if usual <= (CALM * self.spacing) ** 2 else float(known.max())
        return squares, max(least, self.spacing**2)

    def _squares(self) -> Tensor:
        return _squares(self.bounds, self.exact)

    def crossing(self) -> Tensor:
        """Places that are not exact and have a neighbour along an axis on the other side."""
        return places_of(_crossing(self.bounds < 0) & ~self.exact)


class _NativeCorners(_Corners):
    """The same in C, on a CPU and not smooth."""

    def _points(self, places: Tensor) -> Tensor:
        points = torch.empty(len(places), 3)
        call("grid_points", len(self.values), self.spacing, places, len(places), points)
        return points

    def _put(self, places: Tensor, answers: Tensor) -> None:
        call("grid_fill", places, len(places), answers.float().contiguous(), self.values, self.exact)

    def _squares(self) -> Tensor:
        squares = torch.empty_like(self.values)
        call("grid_squares", len(self.values), self.values, self.exact, squares)
        return squares

    def refined(self, band: float, ahead: float) -> tuple[Self, Tensor]:
        fine, (squares, usual) = self._finer(), self._rises()
        places = torch.empty(fine.exact.numel(), dtype=torch.int64)
        old = (len(self.values), self.values, self.exact, squares)
        rises = (math.sqrt(usual), max(band, ahead * math.sqrt(usual)))
        return fine, places[: call("grid_refine", *old, *rises, fine.values, fine.exact, places)]

    def crossing(self) -> Tensor:
        places = torch.empty(self.exact.numel(), dtype=torch.int64)
        return places[: call("grid_crossing", len(self.values), self.values, self.exact, places)]


def _corners(field: Field, resolution: int, stride: int, smooth: bool, device: torch.device) -> _Corners:
    """Every `stride`-th corner of a grid, not evaluated."""
    kind = _NativeCorners if device.type == "cpu" and not smooth and library() else _Corners
    return kind(field, math.ceil(resolution / stride), 2.0 * stride / resolution, smooth, device)


def sparse_grid(field: Field, resolution: int, device: torch.device | str = "cpu", band: float = 0.0) -> Grid:
    """Coarse to fine: only corners that the surface may come near are evaluated.

    Signs equal the dense grid's, and so do the values on both sides of the surface and, where `band` is given, those
    closer to zero. What is around a corner is told by its value and by how steep the field is there; at last all ends
    of edges that cross the surface are evaluated, until there are no others, so that a surface which is found anywhere
    is followed everywhere. A field much steeper than its samples say may have parts between them that are missed.
    """
    stride = 2 ** max(0, int(math.log2(resolution / COARSE)))
    corners = _corners(field, resolution, stride, band > 0, torch.device(device))
    evaluated = corners.evaluate(torch.arange(corners.exact.numel(), device=device))
    while stride > 1:
        stride //= 2
        corners, wanted = corners.refined(band, ahead=AHEAD if stride > 1 else 0.0)
        evaluated += corners.evaluate(wanted)
    while count := corners.evaluate(corners.crossing()):
        evaluated += count
    size = resolution + 1
    return Grid(corners.values[:size, :size, :size].contiguous(), evaluated)


def iou(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two bool grids of the same shape; 1 if both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
