"""Zoos of SIRENs, each fitted to a shape of its own."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.data.sources import Item, Source, source_from_json, source_to_json
from netspace.errors import BadZoo
from netspace.fit import FitConfig, fit, pools
from netspace.grids import iou, sparse_grid
from netspace.mesh import network_grid
from netspace.zoo_config import Network, seed_of

GROUP = 4
"""Networks fitted together: as many as stay in a CPU's cache."""


@dataclass(frozen=True, kw_only=True)
class ZooConfig:
    """What a zoo of SIRENs is made of. The same config gives the same shards, whoever builds them."""

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

    @property
    def arch(self) -> Siren:
        return self.fit.arch

    @property
    def shards(self) -> int:
        return -(-len(self.items()) // self.shard_size)

    def items(self) -> list[Item]:
        """Every shape of every source, mixed by a fixed permutation so that any prefix of shards is a fair sample."""
        items = [item for source in self.sources for item in source.items()]
        order = torch.randperm(len(items), generator=torch.Generator().manual_seed(self.seed)).tolist()
        return [items[i] for i in order]

    def prepare(self) -> None:
        """Nothing: every shape is made when it is due."""

    def build(self, index: int, device: str, partial: Path) -> tuple[Tensor, list[Network]]:  # noqa: ARG002
        """theta [n, P] and the networks of one shard, which takes seconds, so that `partial` is not needed."""
        items = self.items()[index * self.shard_size : (index + 1) * self.shard_size]
        thetas, networks = [], []
        for start in range(0, len(items), GROUP):
            group = items[start : start + GROUP]
            theta, fitted = self._fit(group, seed_of(self.seed, index, start), device)
            thetas.append(theta)
            networks += fitted
        return torch.cat(thetas), networks

    def _fit(self, group: list[Item], seed: int, device: str) -> tuple[Tensor, list[Network]]:
        shapes, networks = [item.load() for item in group], []
        generator = torch.Generator().manual_seed(seed)
        points, sdf = pools(shapes, self.fit.pool, generator)
        theta = fit(points.to(device), sdf.to(device), self.fit, generator, compile_step=self.fit.fast)
        for item, shape, one in zip(group, shapes, theta, strict=True):
            fitted = network_grid(self.arch, one, 64).occupied().cpu()
            quality = iou(fitted, sparse_grid(shape.sdf, 64).occupied())
            properties = {**shape.properties(), "fit_iou": quality}
            networks.append(Network(item.name, item.source, item.split, properties, self.arch))
        return theta.cpu(), networks
