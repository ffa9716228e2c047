"""Zoos of image classifiers, of one architecture or several, each network with its accuracy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from netspace.archs import Classifier, architecture_from_json
from netspace.data.images import ImageData, ImageSet, load_images
from netspace.data.sources import SPLITS
from netspace.errors import BadZoo
from netspace.fit_classifiers import Seat, TrainingConfig, score, train_classifiers
from netspace.zoo_config import Network, seed_of


@dataclass(frozen=True, kw_only=True)
class Group:
    """Networks of one architecture: how many of each split, and how they are trained.

    Each is trained for its own number of `epochs`, from the first to the second, in even ratios over each split: equal
    numbers for the best that training gives, different ones for accuracies that spread.
    """

    arch: Classifier
    train: int
    val: int = 0
    test: int = 0
    epochs: tuple[float, float] = (300.0, 300.0)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "epochs", tuple(self.epochs))
        low, high = self.epochs
        if min(self.train, self.val, self.test) < 0 or not 0 < low <= high:
            raise BadZoo(f"expected numbers of networks and 0 < shortest <= longest epochs, got {self}")

    @classmethod
    def from_json(cls, data: Mapping) -> "Group":
        arch = architecture_from_json(data["arch"])
        if not isinstance(arch, Classifier) or getattr(arch, "batch_norm", False):
            raise BadZoo(f"arch: expected a classifier without batch norm, which training adds, got {data['arch']}")
        return cls(**{**data, "arch": arch, "training": TrainingConfig(**data.get("training", {}))})

    def members(self) -> list[tuple[str, str, float]]:
        """(name, split, epochs) of every network."""
        low, high = self.epochs
        made = []
        for split in SPLITS:
            count = getattr(self, split)
            made += [(split, low * (high / low) ** ((i + 0.5) / count)) for i in range(count)]
        return [(f"{self.arch.name.lower()}-{i:03d}", split, epochs) for i, (split, epochs) in enumerate(made)]


@dataclass(frozen=True, kw_only=True)
class ClassifierZooConfig:
    """What a zoo of classifiers is made of: a folder of images (see `load_images`) and what is trained on them."""

    images: str
    groups: tuple[Group, ...]
    val_images: int = 0
    test_images: int = 0
    """Accuracies and losses are those on the first so many images; 0 takes all."""
    shard_size: int = 4
    seed: int = 0

    arch = None

    def __post_init__(self) -> None:
        if not self.groups or self.shard_size < 1 or min(self.val_images, self.test_images) < 0:
            raise BadZoo(f"expected at least one group, shard_size >= 1 and numbers of images, got {self}")
        if len({(c.arch.image_size, c.arch.classes) for c in self.groups}) > 1:
            raise BadZoo("groups: expected architectures for one size of images and one number of classes")
        if len({c.arch for c in self.groups}) < len(self.groups):
            raise BadZoo("groups: expected every architecture once")

    def to_json(self) -> dict:
        groups = [
            {**asdict(group), "arch": group.arch.to_json(), "epochs": list(group.epochs)} for group in self.groups
        ]
        return {
            "images": self.images,
            "groups": groups,
            "val_images": self.val_images,
            "test_images": self.test_images,
            "shard_size": self.shard_size,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: dict) -> "ClassifierZooConfig":
        try:
            return cls(**{**data, "groups": tuple(Group.from_json(group) for group in data["groups"])})
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, BadZoo):
                raise
            raise BadZoo(f"zoo.json: {type(error).__name__}: {error}") from error

    def plan(self) -> list[list[tuple[Group, str, str, float]]]:
        """(group, name, split, epochs) of each shard's networks, mixed by fixed permutations."""
        generator = torch.Generator().manual_seed(self.seed)
        shards = []
        for group in self.groups:
            members = group.members()
            order = torch.randperm(len(members), generator=generator).tolist()
            mixed = [(group, *members[i]) for i in order]
            shards += [mixed[i : i + self.shard_size] for i in range(0, len(mixed), self.shard_size)]
        return [shards[i] for i in torch.randperm(len(shards), generator=generator).tolist()]

    @property
    def shards(self) -> int:
        return len(self.plan())

    def prepare(self) -> None:
        """Decodes the images, so that not every process has to. Raises BadImages, BadZoo for other classes."""
        arch = self.groups[0].arch
        found = len(load_images(self.images, arch.image_size).classes)
        if found != arch.classes:
            raise BadZoo(f"{self.images}: expected {arch.classes} classes, found {found}")

    def build(self, index: int, device: str, partial: Path) -> tuple[Tensor, list[Network]]:
        """theta [n, P] and the networks of one shard: at once on a GPU, one after the other on a CPU."""
        data, members = _data(self.images, self.groups[0].arch.image_size, device), self.plan()[index]
        group = members[0][0]
        seats = [Seat(seed_of(self.seed, name), epochs) for _, name, _, epochs in members]
        at_once = 1 if device == "cpu" else len(seats)
        theta = torch.cat(
            [
                train_classifiers(
                    group.arch,
                    group.training,
                    seats[i : i + at_once],
                    data.train,
                    partial / f"{index:05d}-{i}.safetensors",
                )
                for i in range(0, len(seats), at_once)
            ]
        )
        networks = [
            Network(
                name, group.arch.name, split, {"epochs": epochs, **self._quality(group.arch, one, data)}, group.arch
            )
            for (_, name, split, epochs), one in zip(members, theta, strict=True)
        ]
        return theta.cpu(), networks

    def _quality(self, arch: Classifier, theta: Tensor, data: ImageData) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, images, limit in (("val", data.val, self.val_images), ("test", data.test, self.test_images)):
            accuracy, loss = score(arch, theta, images.select(slice(limit or None)))
            found |= {f"{name}_accuracy": accuracy, f"{name}_loss": loss}
        return found


@lru_cache(maxsize=1)
def _data(path: str, size: int, device: str) -> ImageData:
    """One data set stays in a process's memory."""
    data = load_images(path, size)

    def moved(images: ImageSet) -> ImageSet:
        return images.to(device)

    return ImageData(moved(data.train), moved(data.val), moved(data.test))
