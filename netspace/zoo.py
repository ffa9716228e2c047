"""A zoo on disk: shards of trained networks, each network with its properties and its split.

ZOO/zoo.json                     what it is made of; fixed when the zoo is started
ZOO/shards/00017.safetensors     theta [n, P]; the networks' properties in the metadata, in the same order
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from netspace.archs import Siren
from netspace.data.sources import SPLITS, Item, Source, source_from_json, source_to_json
from netspace.errors import BadZoo
from netspace.files import atomic_path, write_json
from netspace.fit import FitConfig, fit, pools
from netspace.grids import iou, sparse_grid
from netspace.mesh import network_grid
from netspace.runtime import keep_freed_memory

GROUP = 4
"""Networks fitted together: as many as stay in a CPU's cache."""


@dataclass(frozen=True, kw_only=True)
class ZooConfig:
    """What a zoo is made of. The same config gives the same shards, whoever builds them."""

    sources: tuple[Source, ...]
    fit: FitConfig = field(default_factory=FitConfig)
    shard_size: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sources or self.shard_size < 1:
            raise BadZoo(f"expected at least one source and shard_size >= 1, got {self}")

    def to_json(self) -> dict:
        return {
            "sources": [source_to_json(s) for s in self.sources],
            "fit": asdict(self.fit),
            "shard_size": self.shard_size,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: dict) -> "ZooConfig":
        try:
            fit_config = FitConfig(**{**data["fit"], "hidden": tuple(data["fit"]["hidden"])})
            sources = tuple(source_from_json(s) for s in data["sources"])
            return cls(sources=sources, fit=fit_config, shard_size=data["shard_size"], seed=data["seed"])
        except (KeyError, TypeError) as error:
            raise BadZoo(f"zoo.json: {type(error).__name__}: {error}") from error

    def items(self) -> list[Item]:
        """Every shape of every source, mixed by a fixed permutation so that any prefix of shards is a fair sample."""
        items = [item for source in self.sources for item in source.items()]
        order = torch.randperm(len(items), generator=torch.Generator().manual_seed(self.seed)).tolist()
        return [items[i] for i in order]


@dataclass(frozen=True)
class Network:
    """A network of a zoo, without its weights."""

    name: str
    source: str
    split: str
    properties: dict


def shard_path(root: Path, index: int) -> Path:
    return root / "shards" / f"{index:05d}.safetensors"


def _seed(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little") >> 1


def read_config(root: Path) -> ZooConfig:
    """What the zoo in `root` is made of; raises BadZoo if there is none."""
    try:
        return ZooConfig.from_json(json.loads((root / "zoo.json").read_text()))
    except (OSError, json.JSONDecodeError) as error:
        raise BadZoo(f"{root}: expected a zoo with a zoo.json ({error})") from error


def start_zoo(root: Path, config: ZooConfig) -> None:
    """Writes zoo.json, or checks that the one there says the same. Raises BadZoo if it does not."""
    path = root / "zoo.json"
    if path.exists():
        if read_config(root) != config:
            raise BadZoo(f"{path} describes another zoo; build into an empty folder or keep its settings")
        return
    (root / "shards").mkdir(parents=True, exist_ok=True)
    write_json(path, config.to_json())


def build_shard(root: Path, index: int, device: str = "cpu") -> Path:
    """Fits the networks of one shard and writes it at once; returns at once if it is there."""
    path = shard_path(root, index)
    if path.exists():
        return path
    config = read_config(root)
    items = config.items()[index * config.shard_size : (index + 1) * config.shard_size]
    thetas, networks = [], []
    for start in range(0, len(items), GROUP):
        group = items[start : start + GROUP]
        shapes = [item.load() for item in group]
        generator = torch.Generator().manual_seed(_seed(config.seed, index, start))
        points, sdf = pools(shapes, config.fit.pool, generator)
        theta = fit(points.to(device), sdf.to(device), config.fit, generator, compile_step=config.fit.fast)
        for item, shape, one in zip(group, shapes, theta, strict=True):
            fitted = network_grid(config.fit.arch, one, 64).occupied().cpu()
            quality = iou(fitted, sparse_grid(shape.sdf, 64).occupied())
            networks.append(
                asdict(Network(item.name, item.source, item.split, {**shape.properties(), "fit_iou": quality}))
            )
        thetas.append(theta.cpu())
    with atomic_path(path) as temporary:
        save_file({"theta": torch.cat(thetas)}, temporary, {"networks": json.dumps(networks)})
    return path


def _prepare_worker(threads: int) -> None:
    keep_freed_memory()
    torch.set_num_threads(threads)


def shard_numbers(root: Path, part: int = 0, parts: int = 1) -> list[int]:
    """The shards that worker `part` of `parts` is to build, all of them or done."""
    if not 0 <= part < parts:
        raise BadZoo(f"shard: expected i/N with 0 <= i < N, got {part}/{parts}")
    config = read_config(root)
    count = -(-len(config.items()) // config.shard_size)
    return list(range(count))[part::parts]


def build_zoo(
    root: Path,
    part: int = 0,
    parts: int = 1,
    workers: int = 1,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Builds the missing shards of part i of N; interrupted, it continues and loses at most the shards in hand.

    `workers` processes share the machine's cores; `progress(done, total)` counts shards.
    """
    numbers = shard_numbers(root, part, parts)
    missing = [n for n in numbers if not shard_path(root, n).exists()]
    done = len(numbers) - len(missing)
    if progress is not None:
        progress(done, len(numbers))
    threads = max(1, torch.get_num_threads() // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker, (threads,)) as pool:
        futures = [pool.submit(build_shard, root, n, device) for n in missing]
        try:
            for future in as_completed(futures):
                future.result()
                done += 1
                if progress is not None:
                    progress(done, len(numbers))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@dataclass(frozen=True)
class Zoo:
    """A zoo opened for reading."""

    root: Path
    arch: Siren
    networks: tuple[Network, ...]
    places: tuple[tuple[int, int], ...]
    """(shard, row) of each network."""

    @classmethod
    def open(cls, root: Path) -> "Zoo":
        """Reads every shard's manifest, not its weights. Raises BadZoo if the folder holds none."""
        config = read_config(root)
        networks, places = [], []
        for path in sorted((root / "shards").glob("*.safetensors")):
            for row, entry in enumerate(_manifest(path)):
                networks.append(Network(**entry))
                places.append((int(path.stem), row))
        if not networks:
            raise BadZoo(f"{root}: no shard has been built yet")
        return cls(root, config.fit.arch, tuple(networks), tuple(places))

    def indices(self, split: str) -> list[int]:
        """Positions of a split's networks. Raises BadZoo for another split than train, val, test."""
        if split not in SPLITS:
            raise BadZoo(f"split: expected one of {SPLITS}, got {split!r}")
        return [i for i, network in enumerate(self.networks) if network.split == split]

    def theta(self, indices: list[int]) -> Tensor:
        """Parameters [len(indices), P], in that order."""
        out = torch.empty(len(indices), self.arch.layout.size)
        for shard, rows in self._by_shard(indices):
            with safe_open(shard_path(self.root, shard), "pt") as file:
                stored = file.get_tensor("theta")
            for position, row in rows:
                out[position] = stored[row]
        return out

    def _by_shard(self, indices: list[int]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        grouped: dict[int, list[tuple[int, int]]] = {}
        for position, index in enumerate(indices):
            shard, row = self.places[index]
            grouped.setdefault(shard, []).append((position, row))
        yield from grouped.items()


def _manifest(path: Path) -> list[dict]:
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["networks"])
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise BadZoo(f"{path}: expected a zoo shard ({type(error).__name__}: {error})") from error
