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

from netspace.archs import Architecture
from netspace.data.chairs import Chair, ChairParams, in_between, random_params
from netspace.data.points import around_surface, grid_points, training_points, uniform_points
from netspace.data.shapes import Shape
from netspace.fields import network_field
from netspace.files import atomic_path
from netspace.grids import Grid, sparse_grid
from netspace.runtime import prepare_worker
from netspace.zoo import Network, Zoo

VOLUME = 64
"""Corners a side of the grid that stretched probes are interpolated from."""
BAND = 3 * 2 / (VOLUME - 1)
"""How close to the surface the grids' values are exact; beyond, means of neighbours do."""
POOL = 16384
"""Points kept for each network."""
PROBES = 48
"""Probes a side of the grid that the behaviour encoder sees unstretched."""
CHAIRS = 50
"""Fresh procedural chairs in a file."""


@dataclass(frozen=True)
class Behaviours:
    """Samples of n functions, half precision: points are exact, values rounded (by 1e-5 where they matter)."""

    probes: Tensor  # [n, 48, 48, 48]
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
    field = network_field(arch, theta)
    grid = sparse_grid(field, VOLUME - 1, theta.device, BAND)
    points = points_around(grid, POOL, generator).half().to(theta.device)
    probes = field(grid_points(PROBES, theta.device).reshape(-1, 3))
    values = field(points.float())
    shape = (1, PROBES, PROBES, PROBES)
    parts = (probes.reshape(shape), grid.values[None], points[None], values[None])
    return Behaviours(*(part.clamp(-2, 2).half() for part in parts))


def sample_shape(shape: Shape, generator: torch.Generator) -> Behaviours:
    """The behaviour, as n = 1, of a network that would be a shape exactly."""
    volume, probes = (sparse_grid(shape.sdf, side - 1, band=BAND) for side in (VOLUME, PROBES))
    points = points_around(volume, POOL, generator).half()
    parts = (probes.values[None], volume.values[None], points[None], shape.sdf(points.float())[None])
    return Behaviours(*(part.clamp(-2, 2).half() for part in parts))


def _save(behaviours: Behaviours, path: Path) -> None:
    with atomic_path(path) as temporary:
        save_file({f.name: getattr(behaviours, f.name) for f in fields(behaviours)}, temporary)


def _sample_shard(root: Path, shard: int) -> Path:
    path = root / "behaviours" / f"{shard:05d}.safetensors"
    if not path.exists():
        zoo = Zoo.open(root)
        rows = [i for i, (s, _) in enumerate(zoo.places) if s == shard]
        generator = torch.Generator().manual_seed(shard)
        _save(Behaviours.stack([sample_network(zoo.arch, t, generator) for t in zoo.theta(rows)]), path)
    return path


def _sample_chairs(root: Path, part: int) -> Path:
    path = root / "behaviours" / f"chairs-{part:05d}.safetensors"
    if not path.exists():
        generator = torch.Generator().manual_seed(part)
        chairs = [Chair.of(random_params(generator)) for _ in range(CHAIRS)]
        _save(Behaviours.stack([sample_shape(chair, generator) for chair in chairs]), path)
    return path


def _in_parallel(
    sample: Callable[[Path, int], Path],
    root: Path,
    parts: list[int],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> Behaviours:
    """Every part that is not on disk yet, sampled; then all of them, in order."""
    threads = max(1, torch.get_num_threads() // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), prepare_worker, (threads,)) as pool:
        futures = [pool.submit(sample, root, part) for part in parts]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            if progress is not None:
                progress(done, len(parts))
    return Behaviours.stack([Behaviours(**load_file(future.result())) for future in futures])


def sample_zoo(zoo: Zoo, workers: int = 1, progress: Callable[[int, int], None] | None = None) -> Behaviours:
    """Behaviours of every network of the zoo, in its order; sampled shard by shard where not on disk yet."""
    shards = sorted({shard for shard, _ in zoo.places})
    return _in_parallel(_sample_shard, zoo.root, shards, workers, progress)


def sample_chairs(
    root: Path, count: int, workers: int = 1, progress: Callable[[int, int], None] | None = None
) -> Behaviours:
    """Behaviours of at least `count` procedural chairs that are in no zoo, kept in ROOT/behaviours/ as well."""
    return _in_parallel(_sample_chairs, root, list(range(-(-count // CHAIRS))), workers, progress)


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
    with ProcessPoolExecutor(workers, get_context("spawn"), prepare_worker, (1,)) as pool:
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
