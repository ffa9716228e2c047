"""Sources of shapes for a zoo: each turns its description into a fixed list of named items with a split."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from netspace.data.chairs import Chair, random_params
from netspace.data.meshes import MESH_SUFFIXES, load_mesh
from netspace.data.shapes import Shape
from netspace.data.voxels import from_voxels, load_modelnet_chairs
from netspace.errors import BadShapeFile, BadZoo

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Item:
    """One shape of a source; `load` builds it when its shard is due."""

    name: str
    source: str
    split: str
    load: Callable[[], Shape]


class Source(Protocol):
    kind: str

    def items(self) -> list[Item]: ...


def _splits(count: int, val: int, test: int, seed: int) -> list[str]:
    """A split for each of `count` shapes, drawn once from `seed`. Raises BadZoo if too few are left to train on."""
    if val < 0 or test < 0 or val + test > count:
        raise BadZoo(f"expected val + test <= {count} shapes, got {val} + {test}")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    splits = ["train"] * count
    for rank, index in enumerate(order[: val + test]):
        splits[index] = "test" if rank < test else "val"
    return splits


def chair_of_seed(seed: int) -> Chair:
    return Chair.of(random_params(torch.Generator().manual_seed(seed)))


@dataclass(frozen=True, kw_only=True)
class ChairSource:
    """`count` procedural chairs; chair i is drawn from seed * 1,000,003 + i."""

    count: int
    seed: int = 0
    val: int = 0
    test: int = 0
    kind: str = "chairs"

    def items(self) -> list[Item]:
        splits = _splits(self.count, self.val, self.test, self.seed)
        return [
            Item(f"chair-{i:05d}", "procedural", split, partial(chair_of_seed, self.seed * 1_000_003 + i))
            for i, split in enumerate(splits)
        ]


@dataclass(frozen=True, kw_only=True)
class ModelNetSource:
    """Chairs of a packed voxel file (see data/voxels.py); `count` limits them, 0 takes all."""

    path: str
    count: int = 0
    seed: int = 0
    val: int = 0
    test: int = 0
    kind: str = "modelnet"

    def items(self) -> list[Item]:
        chairs = load_modelnet_chairs(Path(self.path))
        chairs = chairs[: self.count or None]
        splits = _splits(len(chairs), self.val, self.test, self.seed)
        return [
            Item(f"modelnet-{number:04d}", "real", split, partial(from_voxels, solid, "modelnet10"))
            for (number, solid), split in zip(chairs, splits, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Every mesh and voxel grid (.npy, bool) of a folder, in order of their names."""

    path: str
    seed: int = 0
    val: int = 0
    test: int = 0
    kind: str = "folder"

    def items(self) -> list[Item]:
        suffixes = (*MESH_SUFFIXES, ".npy")
        files = sorted(f for f in Path(self.path).rglob("*") if f.suffix.lower() in suffixes)
        if not files:
            raise BadZoo(f"{self.path}: expected files with {', '.join(suffixes)}, found none")
        splits = _splits(len(files), self.val, self.test, self.seed)
        return [
            Item(str(f.relative_to(self.path).with_suffix("")), "folder", split, partial(load_shape, f))
            for f, split in zip(files, splits, strict=True)
        ]


def load_shape(path: Path) -> Shape:
    """A mesh file or a voxel grid (.npy, [X, Y, Z] bool). Raises BadShapeFile."""
    if path.suffix.lower() == ".npy":
        try:
            solid = np.load(path, allow_pickle=False)
        except (OSError, EOFError, ValueError) as error:
            raise BadShapeFile(f"{path}: expected a voxel grid saved by numpy ({error})") from error
        return from_voxels(solid.astype(bool), path.stem)
    return load_mesh(path)


KINDS: dict[str, type] = {c.kind: c for c in (ChairSource, ModelNetSource, FolderSource)}


def source_to_json(source: Source) -> dict:
    return asdict(source)  # type: ignore[call-overload]


def source_from_json(data: Mapping) -> Source:
    """Inverse of `source_to_json`; raises BadZoo naming what it does not know."""
    kind = data.get("kind")
    if kind not in KINDS:
        raise BadZoo(f"source: expected a kind of {sorted(KINDS)}, got {json.dumps(kind)}")
    try:
        return KINDS[kind](**data)
    except TypeError as error:
        raise BadZoo(f"source {kind}: {error}") from error
