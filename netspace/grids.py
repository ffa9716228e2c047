"""A scalar field on a regular grid over [-1, 1]^3, evaluated coarse to fine, and what is solid in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from netspace.cubes import places_of

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


def _steepness(values: Tensor, exact: Tensor, spacing: float) -> Tensor:
    """How steep the field may be around every corner [n+1, n+1, n+1]: as a distance (1), or as it is next to it.

    In a field that is not calm, as steep as it is anywhere.
    """
    squares = _squares(values, exact)
    known = squares[exact]
    usual = float(known.kthvalue(max(1, int(USUAL * len(known)))).values)
    if usual > (CALM * spacing) ** 2:
        squares.fill_(float(known.max()))
    return (_largest_nearby(squares).clamp_min(usual).sqrt() / spacing).clamp_min(1)


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

    def evaluate(self, wanted: Tensor) -> int:
        """The field at the corners that are true in `wanted`; how many they are."""
        where = places_of(wanted)
        if len(where):
            size = len(self.values)
            plane, z = where // size, where % size
            places = torch.stack([plane // size, plane % size, z], dim=1)
            answers = self._field(places.to(self.values.dtype) * self.spacing - 1)
            self.values.view(-1)[where] = self.bounds.view(-1)[where] = answers
            self.exact.view(-1)[where] = True
        return len(where)

    def refined(self, band: float) -> tuple["_Corners", Tensor]:
        """The same at half the spacing, and which of its corners [2n+1, 2n+1, 2n+1] have to be evaluated.

        A corner's value v bounds the field at a distance d by v - slope d and v + slope d. A new corner whose nearest
        old ones leave it on one side, more than `band` from zero, needs no more.
        """
        fine = _Corners(self._field, 2 * (len(self.values) - 1), self.spacing / 2, self.smooth, self.values.device)
        wanted = torch.zeros_like(fine.exact)
        old = (slice(None, None, 2),) * 3
        fine.values[old], fine.bounds[old], fine.exact[old] = self.values, self.bounds, self.exact
        slope = _steepness(self.bounds, self.exact, self.spacing)
        reaches = [slope * (fine.spacing * math.sqrt(axes)) for axes in (1, 2, 3)]
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
        return fine, wanted


def sparse_grid(field: Field, resolution: int, device: torch.device | str = "cpu", band: float = 0.0) -> Grid:
    """Coarse to fine: only corners that the surface may come near are evaluated.

    Signs equal the dense grid's, and so do the values on both sides of the surface and, where `band` is given, those
    closer to zero. What is around a corner is told by its value and by how steep the field is there; at last all ends
    of edges that cross the surface are evaluated, until there are no others, so that a surface which is found anywhere
    is followed everywhere. A field much steeper than its samples say may have parts between them that are missed.
    """
    device = torch.device(device)
    stride = 2 ** max(0, int(math.log2(resolution / 16)) + 1)
    corners = _Corners(field, math.ceil(resolution / stride), 2.0 * stride / resolution, band > 0, device)
    evaluated = corners.evaluate(~corners.exact)
    while stride > 1:
        corners, wanted = corners.refined(band)
        evaluated += corners.evaluate(wanted)
        stride //= 2
    while count := corners.evaluate(_crossing(corners.bounds < 0) & ~corners.exact):
        evaluated += count
    size = resolution + 1
    return Grid(corners.values[:size, :size, :size].contiguous(), evaluated)


def iou(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two bool grids of the same shape; 1 if both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
