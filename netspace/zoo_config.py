"""What a zoo is made of, whatever its networks are."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from netspace.archs import Architecture


@dataclass(frozen=True)
class Network:
    """A network of a zoo, without its weights."""

    name: str
    source: str
    split: str
    properties: dict
    arch: Architecture

    def to_json(self) -> dict:
        """As a shard keeps it, which says the architecture only where the zoo's config does not."""
        return {"name": self.name, "source": self.source, "split": self.split, "properties": self.properties}


class Recipe(Protocol):
    """A zoo's config. The same one gives the same shards, whoever builds them; a shard has one architecture."""

    @property
    def arch(self) -> Architecture | None:
        """Every network's, where the config settles it."""

    @property
    def shards(self) -> int:
        """How many."""

    def prepare(self) -> None:
        """Before any shard is built: what all of them need is made once. Raises NetSpaceError for what is missing."""

    def build(self, index: int, device: str, partial: Path) -> tuple[Tensor, list[Network]]:
        """One shard: theta [n, P] on the CPU and its networks. What is done may be kept below the folder `partial`."""

    def to_json(self) -> dict: ...


def seed_of(*parts: object) -> int:
    """A number for a generator, the same for the same parts on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little") >> 1
