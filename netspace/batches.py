"""Batches for training a space of SDF networks: behaviours drawn, stretched and paired."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.behaviours import Behaviours, Midpoints, Stretch, field_at
from netspace.data.points import grid_points


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """`networks` of each step (even), `points` for each of them.

    Networks come in pairs that are stretched alike (`stretch`: +-share per axis, mirrored half the time, 0 for neither;
    `bend`: how far the middle moves; a half of the pairs is left unstretched, with exact probes). `chair_pairs` of the
    pairs have a known shape halfway;
    for `union_pairs` more, the union of both stands in for it, so that what lies between them holds together.
    """

    networks: int = 16
    points: int = 512
    stretch: float = 0.15
    bend: float = 0.0
    chair_pairs: int = 0
    union_pairs: int = 0

    def __post_init__(self) -> None:
        if self.networks % 2 or not 0 <= self.chair_pairs + self.union_pairs <= self.networks // 2:
            raise ValueError(f"expected an even number of networks and at most half as many pairs, got {self}")


@dataclass(frozen=True)
class Batch:
    """B networks and their answers; Q pairs of them and what their midpoints should answer."""

    rows: Tensor  # [B] of the zoo
    probes: Tensor  # [B, G, G, G]
    points: Tensor  # [B, N, 3]
    values: Tensor  # [B, N]
    ends: Tensor  # [2, Q] positions in the batch
    mid_points: Tensor  # [Q, N, 3]
    mid_values: Tensor  # [Q, N]


class Batches:
    """Draws batches from `rows` of the behaviours; all randomness comes from the generator of `draw`."""

    def __init__(
        self, behaviours: Behaviours, rows: list[int], midpoints: Midpoints | None, config: BatchConfig
    ) -> None:
        if config.chair_pairs and midpoints is None:
            raise ValueError("chair_pairs need midpoints of procedural chairs; the zoo has none or none were sampled")
        self.behaviours, self.midpoints, self.config = behaviours, midpoints, config
        self.rows = torch.tensor(rows)
        self.grid = grid_points(behaviours.probes.shape[1])

    def _window(self, pool: int, count: int, generator: torch.Generator) -> slice:
        start = int(torch.randint(pool - count + 1, (), generator=generator))
        return slice(start, start + count)

    def draw(self, generator: torch.Generator) -> Batch:
        c, b = self.config, self.behaviours
        half, n = c.networks // 2, c.points
        rows = self.rows[torch.randint(len(self.rows), (2, half), generator=generator)]
        pairs = self._pairs(rows, generator)
        exact = torch.rand(half, generator=generator) < 0.5
        single = Stretch.random(half, c.stretch, generator, c.bend).only_mirrored(exact)
        both = single.twice()
        flat = rows.reshape(-1)
        window = self._window(b.points.shape[1], n, generator)
        raw_points, raw_values = b.points[flat, window].float(), b.values[flat, window].float()
        mid_points, mid_values = self._midpoints(pairs, flat, raw_points, raw_values, generator)
        q = len(mid_points)
        mid = single.select(slice(0, q))
        return Batch(
            rows=flat,
            probes=self._probes(flat, both, exact.repeat(2)),
            points=both.points(raw_points),
            values=both.values(raw_points, raw_values),
            ends=torch.stack([torch.arange(q), torch.arange(q) + half]),
            mid_points=mid.points(mid_points),
            mid_values=mid.values(mid_points, mid_values),
        )

    def _pairs(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Puts pairs with a known midpoint first in `rows` [2, half]; returns which they are [chair_pairs]."""
        count = self.config.chair_pairs
        if not count or self.midpoints is None:
            return torch.empty(0, dtype=torch.long)
        pick = torch.randint(len(self.midpoints.first), (count,), generator=generator)
        rows[0, :count], rows[1, :count] = self.midpoints.first[pick], self.midpoints.second[pick]
        return pick

    def _midpoints(
        self, pairs: Tensor, flat: Tensor, points: Tensor, values: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """What the first pairs' midpoints should answer: points [Q, N, 3], values [Q, N], unstretched."""
        n, out_points, out_values = self.config.points, [points[:0]], [values[:0]]
        if len(pairs) and self.midpoints is not None:
            window = self._window(self.midpoints.points.shape[1], n, generator)
            out_points.append(self.midpoints.points[pairs, window].float())
            out_values.append(self.midpoints.values[pairs, window].float())
        if self.config.union_pairs:
            a = torch.arange(len(pairs), len(pairs) + self.config.union_pairs)
            b = a + self.config.networks // 2
            at = torch.cat([points[a, : n // 2], points[b, n // 2 :]], dim=1)
            volumes = self.behaviours.volume
            other = torch.cat(
                [
                    field_at(volumes[flat[b]].float(), at[:, : n // 2]),
                    field_at(volumes[flat[a]].float(), at[:, n // 2 :]),
                ],
                dim=1,
            )
            own = torch.cat([values[a, : n // 2], values[b, n // 2 :]], dim=1)
            out_points.append(at)
            out_values.append(torch.minimum(own, other))
        return torch.cat(out_points), torch.cat(out_values)

    def _probes(self, flat: Tensor, stretch: Stretch, exact: Tensor) -> Tensor:
        """[B, G, G, G]: exact answers (mirrored or not) where the network is unstretched, else interpolated ones."""
        b = self.behaviours
        probes = b.probes[flat].float()
        mirrored = (stretch.factors[:, 0] < 0)[:, None, None, None]
        probes = torch.where(mirrored, probes.flip(1), probes)
        loose = (~exact).nonzero()[:, 0]
        if len(loose):
            probes[loose] = stretch.select(loose).resample(b.volume[flat[loose]].float(), self.grid)
        return probes
