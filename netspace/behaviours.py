"""What the networks of a zoo do, sampled once: answers on a grid, near their surface and in the volume.

A step of training needs the input networks' outputs at points and probes. Evaluating them anew costs more than the rest
of the step, so they are sampled per shard of the zoo into ZOO/behaviours/, and stretched and mirrored on the fly.
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from netspace.archs import Architecture
from netspace.data.chairs import ChairParams, in_between
from netspace.data.points import around_surface, grid_points, training_points, uniform_points
from netspace.files import atomic_path
from netspace.functional import run_chunked
from netspace.grids import Grid, sparse_grid
from netspace.runtime import keep_freed_memory
from netspace.zoo import Network, Zoo

VOLUME = 64
"""Corners a side of the grid that stretched probes are interpolated from."""
POOL = 16384
"""Points kept for each network."""
PROBES = 32
"""Probes a side of the grid that the behaviour encoder sees unstretched."""


@dataclass(frozen=True)
class Behaviours:
    """Samples of n functions, half precision: points are exact, values rounded (by 1e-5 where they matter)."""

    probes: Tensor  # [n, 32, 32, 32]
    volume: Tensor  # [n, 64, 64, 64]
    points: Tensor  # [n, M, 3]
    values: Tensor  # [n, M]

    def __len__(self) -> int:
        return len(self.points)

    def select(self, rows: list[int] | Tensor) -> "Behaviours":
        return Behaviours(*(getattr(self, f.name)[rows] for f in fields(self)))

    def to(self, device: torch.device) -> "Behaviours":
        return Behaviours(*(getattr(self, f.name).to(device) for f in fields(self)))

    @classmethod
    def stack(cls, parts: list["Behaviours"]) -> "Behaviours":
        return cls(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def crossings(grid: Grid) -> Tensor:
    """[S, 3]: where the grid's edges cross level zero, by linear interpolation."""
    v = grid.values
    points = grid_points(v.shape[0], v.device)
    found = []
    for axis in range(3):
        n = v.shape[axis] - 1
        a, b = v.narrow(axis, 0, n), v.narrow(axis, 1, n)
        crossed = (a < 0) != (b < 0)
        t = (a[crossed] / (a[crossed] - b[crossed]))[:, None]
        start, end = points.narrow(axis, 0, n)[crossed], points.narrow(axis, 1, n)[crossed]
        found.append(start + t * (end - start))
    return torch.cat(found)


def points_around(grid: Grid, count: int, generator: torch.Generator) -> Tensor:
    """[count, 3] around the grid's level zero, or uniform where there is none."""
    surface = crossings(grid).cpu()
    return around_surface(surface, count, generator) if len(surface) else uniform_points(count, generator)


def sample_network(arch: Architecture, theta: Tensor, generator: torch.Generator) -> Behaviours:
    """The behaviour of one network theta [P], as n = 1."""
    grid = sparse_grid(lambda p: run_chunked(arch, theta, p), VOLUME - 1, theta.device)
    points = points_around(grid, POOL, generator).half().to(theta.device)
    probes = run_chunked(arch, theta, grid_points(PROBES, theta.device).reshape(-1, 3))
    values = run_chunked(arch, theta, points.float())
    shape = (1, PROBES, PROBES, PROBES)
    parts = (probes.reshape(shape), grid.values[None], points[None], values[None])
    return Behaviours(*(part.clamp(-2, 2).half() for part in parts))


def _sample_shard(root: Path, shard: int) -> Path:
    path = root / "behaviours" / f"{shard:05d}.safetensors"
    if not path.exists():
        zoo = Zoo.open(root)
        rows = [i for i, (s, _) in enumerate(zoo.places) if s == shard]
        generator = torch.Generator().manual_seed(shard)
        stacked = Behaviours.stack([sample_network(zoo.arch, t, generator) for t in zoo.theta(rows)])
        with atomic_path(path) as temporary:
            save_file({f.name: getattr(stacked, f.name) for f in fields(stacked)}, temporary)
    return path


def _prepare_worker(threads: int) -> None:
    keep_freed_memory()
    torch.set_num_threads(threads)


def sample_zoo(zoo: Zoo, workers: int = 1, progress: Callable[[int, int], None] | None = None) -> Behaviours:
    """Behaviours of every network of the zoo, in its order; sampled shard by shard where not on disk yet."""
    shards = sorted({shard for shard, _ in zoo.places})
    threads = max(1, torch.get_num_threads() // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker, (threads,)) as pool:
        futures = [pool.submit(_sample_shard, zoo.root, shard) for shard in shards]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            if progress is not None:
                progress(done, len(shards))
    files = [load_file(zoo.root / "behaviours" / f"{shard:05d}.safetensors") for shard in shards]
    return Behaviours.stack([Behaviours(**file) for file in files])


@dataclass(frozen=True)
class Midpoints:
    """Pairs of networks and samples of the shape that should lie halfway between them."""

    first: Tensor  # [n] rows of the zoo
    second: Tensor  # [n]
    points: Tensor  # [n, M, 3]
    values: Tensor  # [n, M]


def _params(network: Network) -> ChairParams:
    return ChairParams(**{k: v for k, v in network.properties.items() if k in ChairParams.__dataclass_fields__})


def _sample_midpoint(a: ChairParams, b: ChairParams, count: int, seed: int) -> tuple[Tensor, Tensor]:
    points, values = training_points(in_between(a, b), count, torch.Generator().manual_seed(seed))
    return points.half(), values.half()


def sample_midpoints(
    zoo: Zoo, count: int, seed: int = 0, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> Midpoints:
    """`count` random pairs of procedural training chairs with what lies between them, kept in ZOO/behaviours/."""
    path = zoo.root / "behaviours" / f"midpoints-{count}-{seed}.safetensors"
    if path.exists():
        return Midpoints(**load_file(path))
    rows = [i for i in zoo.indices("train") if zoo.networks[i].source == "procedural"]
    generator = torch.Generator().manual_seed(seed)
    first = torch.tensor(rows)[torch.randint(len(rows), (count,), generator=generator)]
    second = torch.tensor(rows)[torch.randint(len(rows), (count,), generator=generator)]
    ends = [(_params(zoo.networks[int(a)]), _params(zoo.networks[int(b)])) for a, b in zip(first, second, strict=True)]
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker, (1,)) as pool:
        futures = [pool.submit(_sample_midpoint, a, b, POOL // 2, seed + i) for i, (a, b) in enumerate(ends)]
        sampled = []
        for done, future in enumerate(futures, start=1):
            sampled.append(future.result())
            if progress is not None:
                progress(done, count)
    result = {
        "first": first,
        "second": second,
        "points": torch.stack([p for p, _ in sampled]),
        "values": torch.stack([v for _, v in sampled]),
    }
    with atomic_path(path) as temporary:
        save_file(result, temporary)
    return Midpoints(**result)


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

    def resample(self, volume: Tensor, grid: Tensor) -> Tensor:
        """volume [B, V, V, V] of the functions -> the stretched functions at grid [G, G, G, 3]: [B, G, G, G]."""
        g = grid.shape[0]
        axes = torch.stack([grid[:, 0, 0, 0], grid[0, :, 0, 1], grid[0, 0, :, 2]], dim=-1)
        at = self.sources(axes.expand(len(volume), g, 3))
        x, y, z = (at[:, :, None, None, 0], at[:, None, :, None, 1], at[:, None, None, :, 2])
        full = torch.stack(torch.broadcast_tensors(x, y, z), dim=-1).reshape(len(volume), -1, 3)
        return self.values(full, field_at(volume, full)).reshape(-1, g, g, g)


def field_at(volume: Tensor, points: Tensor) -> Tensor:
    """volume [B, V, V, V] (axes x, y, z over [-1, 1]^3) at points [B, N, 3] -> [B, N], trilinear."""
    swapped = volume.permute(0, 3, 2, 1)[:, None]  # grid_sample reads (depth z, height y, width x)
    return F.grid_sample(swapped, points[:, :, None, None], align_corners=True, padding_mode="border")[:, 0, :, 0, 0]
