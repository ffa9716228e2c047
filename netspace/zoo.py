"""A zoo on disk: shards of trained networks, each network with its properties and its split.

ZOO/zoo.json                     what it is made of; fixed when the zoo is started
ZOO/shards/00017.safetensors     theta [n, P]; the networks' properties in the metadata, in the same order
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from netspace.archs import Architecture, architecture_from_json
from netspace.classifier_zoo import ClassifierZooConfig
from netspace.data.sources import SPLITS
from netspace.errors import BadZoo
from netspace.files import atomic_path, write_json
from netspace.runtime import prepare_worker
from netspace.siren_zoo import ZooConfig
from netspace.zoo_config import Network, Recipe

__all__ = [
    "ClassifierZooConfig",
    "Network",
    "Recipe",
    "Zoo",
    "ZooConfig",
    "build_shard",
    "build_zoo",
    "config_from_json",
    "read_config",
    "shard_numbers",
    "shard_path",
    "start_zoo",
]


def config_from_json(data: dict) -> Recipe:
    """What a zoo is made of: SIRENs of `sources` or classifiers of `groups`. Raises BadZoo."""
    return ClassifierZooConfig.from_json(data) if "groups" in data else ZooConfig.from_json(data)


def shard_path(root: Path, index: int) -> Path:
    return root / "shards" / f"{index:05d}.safetensors"


def read_config(root: Path) -> Recipe:
    """What the zoo in `root` is made of; raises BadZoo if there is none."""
    try:
        return config_from_json(json.loads((root / "zoo.json").read_text()))
    except (OSError, json.JSONDecodeError) as error:
        raise BadZoo(f"{root}: expected a zoo with a zoo.json ({error})") from error


def start_zoo(root: Path, config: Recipe) -> None:
    """Writes zoo.json, or checks that the one there says the same. Raises BadZoo if it does not."""
    path = root / "zoo.json"
    if path.exists():
        if read_config(root) != config:
            raise BadZoo(f"{path} describes another zoo; build into an empty folder or keep its settings")
        return
    (root / "shards").mkdir(parents=True, exist_ok=True)
    write_json(path, config.to_json())


def build_shard(root: Path, index: int, device: str = "cpu") -> Path:
    """Trains the networks of one shard and writes it at once; returns at once if it is there.

    Long trainings keep what they have done in ROOT/partial/ and continue from it.
    """
    path, partial = shard_path(root, index), root / "partial"
    if path.exists():
        return path
    config = read_config(root)
    theta, networks = config.build(index, device, partial)
    entries = [n.to_json() if config.arch else {**n.to_json(), "arch": n.arch.to_json()} for n in networks]
    with atomic_path(path) as temporary:
        save_file({"theta": theta}, temporary, {"networks": json.dumps(entries)})
    for left in partial.glob(f"{index:05d}-*"):
        left.unlink()
    return path


def shard_numbers(root: Path, part: int = 0, parts: int = 1) -> list[int]:
    """The shards that worker `part` of `parts` is to build, all of them or done."""
    if not 0 <= part < parts:
        raise BadZoo(f"shard: expected i/N with 0 <= i < N, got {part}/{parts}")
    return list(range(read_config(root).shards))[part::parts]


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
    if missing:
        read_config(root).prepare()
    threads = max(1, torch.get_num_threads() // workers)
    with ProcessPoolExecutor(workers, get_context("spawn"), prepare_worker, (threads,)) as pool:
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
                networks.append(_network(path, entry, config.arch))
                places.append((int(path.stem), row))
        if not networks:
            raise BadZoo(f"{root}: no shard has been built yet")
        return cls(root, tuple(networks), tuple(places))

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """Those of its networks, by increasing number of parameters, which is the order of the paper's ClassIds."""
        return tuple(sorted({n.arch for n in self.networks}, key=lambda arch: (arch.layout.size, arch.name)))

    @property
    def arch(self) -> Architecture:
        """The one architecture. Raises BadZoo where there are several."""
        if len(self.architectures) > 1:
            names = ", ".join(arch.name for arch in self.architectures)
            raise BadZoo(f"{self.root}: expected networks of one architecture, got {names}")
        return self.architectures[0]

    def indices(self, split: str, arch: Architecture | None = None) -> list[int]:
        """Positions of a split's networks, of one architecture or of all. Raises BadZoo for another split."""
        if split not in SPLITS:
            raise BadZoo(f"split: expected one of {SPLITS}, got {split!r}")
        mine = [i for i, network in enumerate(self.networks) if network.split == split]
        return mine if arch is None else [i for i in mine if self.networks[i].arch == arch]

    def theta(self, indices: list[int]) -> Tensor:
        """Parameters [len(indices), P] of networks of one architecture, in that order. Raises BadZoo for several."""
        archs = {self.networks[i].arch for i in indices} or set(self.architectures[:1])
        if len(archs) > 1:
            names = sorted(arch.name for arch in archs)
            raise BadZoo(f"{self.root}: expected rows of one architecture, got {', '.join(names)}")
        out = torch.empty(len(indices), archs.pop().layout.size)
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


def _network(path: Path, entry: dict, arch: Architecture | None) -> Network:
    """An entry of a shard's manifest, of `arch` unless it says another."""
    try:
        own = arch or architecture_from_json(entry["arch"])
        return Network(entry["name"], entry["source"], entry["split"], entry["properties"], own)
    except (KeyError, TypeError) as error:
        raise BadZoo(f"{path}: expected a zoo shard ({type(error).__name__}: {error})") from error
