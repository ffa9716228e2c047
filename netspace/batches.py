"""Batches for training a space of SDF networks: behaviours drawn, stretched and paired."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netspace.behaviours import Behaviours, Midpoints
from netspace.grafts import Graft, Section
from netspace.stretch import Stretch, field_at


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """`networks` of each step (even), `points` for each of them.

    Networks come in pairs that are stretched alike (`stretch`: +-share per axis, mirrored half the time, 0 for neither;
    `bend`: how far the middle moves; a half of the pairs is left unstretched, with exact probes). `chair_pairs` of the
    pairs have a known shape halfway;
    for `union_pairs` more, the union of both stands in for it, so that what lies between them holds together. Both are
    made `fuller` by that distance, since thin parts are the first to break. Of the other pairs, `fresh` begin with a
    shape that is in no zoo and `grafts` end with a network's lower part under another's upper part.
    """

    networks: int = 16
    points: int = 512
    stretch: float = 0.15
    bend: float = 0.0
    chair_pairs: int = 0
    union_pairs: int = 0
    fuller: float = 0.0
    fresh: int = 0
    grafts: int = 0

    def __post_init__(self) -> None:
        room = self.networks // 2 - self.chair_pairs - self.union_pairs
        counts = (self.chair_pairs, self.union_pairs, self.fresh, self.grafts)
        if self.networks % 2 or min(counts) < 0 or max(self.fresh, self.grafts) > room:
            raise ValueError(
                "expected an even number of networks and, in half as many pairs, room for chair_pairs + union_pairs "
                f"and beside them for fresh and for grafts, got {self}"
            )


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
    theta: Tensor | None = None  # [B, P] for encoders that read weights

    def to(self, device: torch.device) -> "Batch":
        return replace(self, **{k: v.to(device, non_blocking=True) for k, v in vars(self).items() if v is not None})


class Batches:
    """Draws batches from `rows` of the behaviours; all randomness comes from the generator of `draw`.

    `fresh` are the rows, of the same behaviours, of shapes that are in no zoo.
    """

    def __init__(
        self,
        behaviours: Behaviours,
        rows: list[int],
        midpoints: Midpoints | None,
        config: BatchConfig,
        fresh: list[int] | None = None,
    ) -> None:
        if config.chair_pairs and midpoints is None:
            raise ValueError("chair_pairs need midpoints of procedural chairs; the zoo has none or none were sampled")
        if config.fresh and not fresh:
            raise ValueError("fresh shapes are wanted in every batch, but none were sampled")
        self.behaviours, self.midpoints, self.config = behaviours, midpoints, config
        self.rows, self.fresh = torch.tensor(rows), torch.tensor(fresh or [], dtype=torch.long)
        self.sections = Section.largest(behaviours.volume) if config.grafts else None

    def _window(self, pool: int, count: int, generator: torch.Generator) -> slice:
        start = int(torch.randint(pool - count + 1, (), generator=generator))
        return slice(start, start + count)

    def draw(self, generator: torch.Generator) -> Batch:
        c, b = self.config, self.behaviours
        half, n = c.networks // 2, c.points
        rows = _pick(self.rows, (2, half), generator)
        pairs = self._pairs(rows, generator)
        if c.fresh:
            rows[0, half - c.fresh :] = _pick(self.fresh, (c.fresh,), generator)
        exact = torch.rand(half, generator=generator) < 0.5
        single = Stretch.random(half, c.stretch, generator, c.bend).only_mirrored(exact)
        both = single.twice()
        flat = rows.reshape(-1)
        window = self._window(b.points.shape[1], n, generator)
        points, values = b.points[flat, window].float(), b.values[flat, window].float()
        probes = self._probes(flat, both, exact.repeat(2))
        if c.grafts:
            last = slice(c.networks - c.grafts, None)
            points[last], values[last], probes[last] = self._grafted(
                flat[last], _pick(self.rows, (c.grafts,), generator), both.select(last), generator
            )
        mid_points, mid_values = self._midpoints(pairs, flat, points, values, generator)
        q = len(mid_points)
        mid = single.select(slice(0, q))
        return Batch(
            rows=flat,
            probes=probes,
            points=both.points(points),
            values=both.values(points, values),
            ends=torch.stack([torch.arange(q), torch.arange(q) + half]),
            mid_points=mid.points(mid_points),
            mid_values=mid.values(mid_points, mid_values - c.fuller),
        )

    def _grafted(
        self, lower: Tensor, upper: Tensor, stretch: Stretch, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Points and values (unstretched) and probes (stretched) of the upper parts of `upper` rows on `lower` rows."""
        b, sections = self.behaviours, self.sections
        assert sections is not None
        graft = Graft.between(sections.of(lower), sections.of(upper), generator)
        window = self._window(b.points.shape[1], self.config.points, generator)
        volumes = [b.volume[rows].float() for rows in (lower, upper)]
        sampled = [
            (v, b.points[r, window].float(), b.values[r, window].float())
            for v, r in zip(volumes, (lower, upper), strict=True)
        ]
        points, values = graft.samples(sampled[0], sampled[1])
        return points, values, graft.resample(volumes[0], volumes[1], stretch, b.probes.shape[1])

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
            probes[loose] = stretch.select(loose).resample(b.volume[flat[loose]].float(), probes.shape[1])
        return probes


def _pick(rows: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return rows[torch.randint(len(rows), shape, generator=generator)]
