"""A scalar field on a regular grid over [-1, 1]^3, evaluated coarse to fine, and what is solid in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

MARGIN = 1.5
"""A cell may hold the surface if a corner's |value| is below MARGIN times half the cell's diagonal."""

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


def _may_hold_surface(values: Tensor, bound: float) -> Tensor:
    """values [n+1, n+1, n+1] at corners -> [n, n, n] bool per cell."""
    v = values[None, None]
    low, high = -F.max_pool3d(-v, 2, 1)[0, 0], F.max_pool3d(v, 2, 1)[0, 0]
    near = -F.max_pool3d(-v.abs(), 2, 1)[0, 0]
    return ((low < 0) & (high >= 0)) | (near <= bound)


def sparse_grid(field: Field, resolution: int, device: torch.device | str = "cpu") -> Grid:
    """Coarse to fine: only cells that can hold the surface are refined, by sign changes and the field's values.

    Signs, and values next to the surface, equal the dense grid's as long as the field's slope is at most about one
    where its value is small, which is what networks fitted to signed distances have.
    """
    device = torch.device(device)
    stride = 2 ** max(0, int(math.log2(resolution / 16)) + 1)
    cells = math.ceil(resolution / stride)
    points = lattice(cells + 1, stride, resolution, device)
    values = field(points.reshape(-1, 3)).reshape(points.shape[:-1])
    evaluated = values.numel()
    active = torch.ones(cells, cells, cells, dtype=torch.bool, device=device)
    while stride > 1:
        bound = MARGIN * math.sqrt(3) * stride / resolution
        active &= _may_hold_surface(values, bound)
        stride, cells = stride // 2, cells * 2
        known = torch.zeros((cells + 1,) * 3, dtype=torch.bool, device=device)
        known[::2, ::2, ::2] = True
        active = active.repeat_interleave(2, 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
        padded = F.pad(active[None, None].float(), (1,) * 6)
        wanted = (F.max_pool3d(padded, 2, 1)[0, 0] > 0) & ~known
        fine = F.interpolate(values[None, None], size=(cells + 1,) * 3, mode="trilinear", align_corners=True)[0, 0]
        fine[::2, ::2, ::2] = values
        where = wanted.nonzero()
        if len(where):
            fine[wanted] = field(where.to(values.dtype) * (2.0 * stride / resolution) - 1)
        values, evaluated = fine, evaluated + len(where)
    size = resolution + 1
    return Grid(values[:size, :size, :size].contiguous(), evaluated)


def iou(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two bool grids of the same shape; 1 if both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
