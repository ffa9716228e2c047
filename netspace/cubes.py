"""Marching cubes (Lorensen and Cline 1987) on tensors: only what the surface crosses costs anything.

Which triangles a cell has depends on which of its corners are inside. The table of the 256 cases follows from one rule
for faces: inside corners are cut off, neighbours together. The two cells at a face draw the same lines on it, so that
there are no holes between them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product

import numpy as np
import torch
from torch import Tensor

from netspace.native import call, library

Corner = tuple[int, int, int]
Triangle = tuple[int, int, int]

CORNERS: list[Corner] = [(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]
"""Of a cell."""
EDGES = [(axis, corner) for axis in range(3) for corner in CORNERS if not corner[axis]]
"""Of a cell: the axis along which it runs, and the corner where it begins."""


def _edge(a: Corner, b: Corner) -> int:
    """The edge between two corners."""
    return EDGES.index((next(i for i in range(3) if a[i] != b[i]), min(a, b)))


def _face(axis: int, side: int) -> list[Corner]:
    """Its corners, counter-clockwise seen from outside the cell."""
    around = [(0, 0), (1, 0), (1, 1), (0, 1)][:: 1 if side else -1]
    corners = []
    for u, v in around:
        corner = {axis: side, (axis + 1) % 3: u, (axis + 2) % 3: v}
        corners.append((corner[0], corner[1], corner[2]))
    return corners


FACES = [_face(axis, side) for axis, side in product(range(3), (0, 1))]
AROUND = [{_edge(face[i - 1], face[i]) for i in range(4)} for face in FACES]
"""The edges of each face."""


def _loops(inside: set[Corner]) -> Iterator[list[int]]:
    """The crossed edges in the order in which the surface comes to them, counter-clockwise seen from outside."""
    after: dict[int, int] = {}
    for face in FACES:
        for i in (i for i in range(4) if face[i] in inside and face[i - 1] not in inside):
            last = next(j for j in range(i, i + 4) if face[(j + 1) % 4] not in inside)
            after[_edge(face[i - 1], face[i])] = _edge(face[last % 4], face[(last + 1) % 4])
    while after:
        loop = [min(after)]
        while (edge := after.pop(loop[-1])) != loop[0]:
            loop.append(edge)
        yield loop


def _triangulations(loop: list[int]) -> Iterator[list[Triangle]]:
    """All of them."""
    if len(loop) < 3:
        yield []
    for middle in range(1, len(loop) - 1):
        for left, right in product(_triangulations(loop[: middle + 1]), _triangulations(loop[middle:])):
            yield [(loop[0], loop[middle], loop[-1]), *left, *right]


def _flat(loop: list[int], triangles: list[Triangle]) -> int:
    """How many sides of triangles lie in a face without being the loop's: the next cell may have them too."""
    own = {frozenset(pair) for pair in zip(loop, [*loop[1:], loop[0]], strict=True)}
    sides = {frozenset(pair) for a, b, c in triangles for pair in ((a, b), (b, c), (c, a))}
    return sum(any(side <= edges for edges in AROUND) for side in sides - own)


def _triangles(case: int) -> list[Triangle]:
    """Of a cell whose corners i are inside where bit i of `case` is set; each counter-clockwise seen from outside."""
    loops = _loops({corner for i, corner in enumerate(CORNERS) if case >> i & 1})
    return [t for loop in loops for t in min(_triangulations(loop), key=lambda found: _flat(loop, found))]


@dataclass(frozen=True)
class Table:
    """The triangles of all 256 cases, and where things lie relative to a cell's first corner, in corners."""

    counts: Tensor  # [256] triangles of each case
    starts: Tensor  # [256] its first row in `triangles`
    triangles: Tensor  # [T, 3] edges
    axes: Tensor  # [12] of edges
    begins: Tensor  # [12, 3]


@lru_cache(maxsize=8)
def _table(device: torch.device) -> Table:
    cases = [_triangles(case) for case in range(256)]
    counts = torch.tensor([len(case) for case in cases], device=device)
    return Table(
        counts=counts,
        starts=counts.cumsum(0) - counts,
        triangles=torch.tensor([triangle for case in cases for triangle in case], device=device),
        axes=torch.tensor([axis for axis, _ in EDGES], device=device),
        begins=torch.tensor([corner for _, corner in EDGES], device=device),
    )


def marching_cubes(values: Tensor) -> tuple[Tensor, Tensor]:
    """values [X, Y, Z], negative inside -> vertices [V, 3] in units of cells, faces [F, 3], outward.

    On every edge between a corner that is inside and one that is not lies a vertex, where the value would be zero.
    """
    native = values.device.type == "cpu" and values.dtype == torch.float32 and library() is not None
    return _in_c(values.contiguous()) if native else _on_tensors(values)


def _in_c(values: Tensor) -> tuple[Tensor, Tensor]:
    """The same by the compiled library."""
    table, shape = _table(values.device), torch.tensor(values.shape)
    inside, counts = torch.empty(values.shape, dtype=torch.uint8), torch.empty(2, dtype=torch.int64)
    call("cubes_count", shape, values, table.counts, inside, counts)
    vertices, faces = torch.empty(int(counts[0]), 3), torch.empty(int(counts[1]), 3, dtype=torch.int64)
    number = torch.empty(3, values.numel(), dtype=torch.int32)
    cases = (table.counts, table.starts, table.triangles, table.axes, table.begins)
    call("cubes_fill", shape, values, inside, *cases, number, vertices, faces)
    return vertices, faces


def _on_tensors(values: Tensor) -> tuple[Tensor, Tensor]:
    """The same by PyTorch alone."""
    inside, flat = values < 0, values.reshape(-1)
    size = torch.tensor(values.shape, device=values.device)
    strides = torch.tensor([values.shape[1] * values.shape[2], values.shape[2], 1], device=values.device)
    number = torch.empty(3, len(flat), dtype=torch.int32, device=values.device)
    parts, count = [], 0
    for axis in range(3):
        begins = places_of(_joined(torch.logical_xor, inside, axis))
        number[axis, begins] = torch.arange(count, count + len(begins), dtype=torch.int32, device=values.device)
        count += len(begins)
        first, last = flat[begins], flat[begins + strides[axis]]
        vertices = (begins[:, None] // strides % size).to(values.dtype)
        vertices[:, axis] += first / (first - last)
        parts.append(vertices)
    return torch.cat(parts), _faces(inside, strides, number)


def _faces(inside: Tensor, strides: Tensor, number: Tensor) -> Tensor:
    """[F, 3]: each cell's triangles; `number` [3, XYZ] tells the vertices of edges by axis and first corner."""
    table, cases = _table(inside.device), _cases(inside)
    cells = places_of(cases + 1 > 1)  # neither 0 nor 255, to which 1 is added without a carry
    case = cases.flatten()[cells].long()
    counts = table.counts[case]
    before = counts.cumsum(0) - counts
    rows = (table.starts[case] - before).repeat_interleave(counts)
    edges = table.triangles[rows + torch.arange(len(rows), device=inside.device)]
    begins = cells.repeat_interleave(counts)[:, None] + (table.begins * strides).sum(1)[edges]
    return number[table.axes[edges], begins].long()


def _cases(inside: Tensor) -> Tensor:
    """[X, Y, Z] uint8: of the cell that begins there, bit 4x + 2y + z is whether its corner (x, y, z) is inside."""
    cases = inside.to(torch.uint8)
    for axis, shift in ((2, 1), (1, 2), (0, 4)):
        cases = _joined(partial(torch.add, alpha=1 << shift), cases, axis)
    return cases


def _joined(join: Callable[..., Tensor], corners: Tensor, axis: int) -> Tensor:
    """Every corner joined with its neighbour along the axis; zero for the last, which have none."""
    n = corners.shape[axis] - 1
    out = torch.zeros_like(corners)
    join(corners.narrow(axis, 0, n), corners.narrow(axis, 1, n), out=out.narrow(axis, 0, n))
    return out


def places_of(mask: Tensor) -> Tensor:
    """Positions in the flat mask that are true; NumPy finds them five times as fast."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]
