import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from netspace.data.meshes import MeshShape
from netspace.data.sources import (
    ChairSource,
    FolderSource,
    ModelNetSource,
    Source,
    chair_of_seed,
    load_shape,
    source_from_json,
    source_to_json,
)
from netspace.data.voxels import VoxelShape
from netspace.errors import BadShapeFile, BadZoo

SOURCES = [
    ChairSource(count=7, seed=2, val=1, test=2),
    ModelNetSource(path="chairs.npz", count=3, seed=1, val=1),
    FolderSource(path="meshes", test=1),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.kind)
def test_a_sources_json_is_inverted(source: Source) -> None:
    assert source_from_json(json.loads(json.dumps(source_to_json(source)))) == source


@pytest.mark.parametrize(("count", "val", "test"), [(10, 2, 3), (5, 0, 0), (4, 2, 2), (1, 0, 1)])
def test_splits_have_the_asked_sizes_and_are_fixed(count: int, val: int, test: int) -> None:
    source = ChairSource(count=count, seed=4, val=val, test=test)
    splits = Counter(item.split for item in source.items())
    assert (splits["train"], splits["val"], splits["test"]) == (count - val - test, val, test)
    assert [i.split for i in source.items()] == [i.split for i in source.items()]


def test_the_split_depends_on_the_seed() -> None:
    a, b = (ChairSource(count=40, seed=seed, val=5, test=5).items() for seed in (1, 2))
    assert [i.split for i in a] != [i.split for i in b]


@pytest.mark.parametrize(("val", "test"), [(3, 3), (-1, 0), (0, -1)])
def test_impossible_splits_are_refused(val: int, test: int) -> None:
    with pytest.raises(BadZoo, match=rf"<= 5 shapes, got {val} \+ {test}"):
        ChairSource(count=5, val=val, test=test).items()


def test_chair_i_is_drawn_from_the_documented_seed() -> None:
    items = ChairSource(count=3, seed=2).items()
    assert [i.name for i in items] == ["chair-00000", "chair-00001", "chair-00002"]
    assert items[2].load().properties() == chair_of_seed(2 * 1_000_003 + 2).properties()


def test_sources_of_other_seeds_share_no_chair() -> None:
    a, b = ([json.dumps(i.load().properties()) for i in ChairSource(count=4, seed=s).items()] for s in (0, 1))
    assert not set(a) & set(b)


def test_a_folder_gives_its_meshes_and_voxel_grids_by_name(tmp_path: Path) -> None:
    trimesh.creation.box().export(tmp_path / "b.obj")
    (tmp_path / "sub").mkdir()
    np.save(tmp_path / "sub" / "a.npy", np.ones((4, 4, 4), bool))
    (tmp_path / "notes.txt").write_text("not a shape")
    items = FolderSource(path=str(tmp_path)).items()
    assert [i.name for i in items] == ["b", "sub/a"]
    assert isinstance(items[0].load(), MeshShape)
    assert isinstance(items[1].load(), VoxelShape)


def test_an_empty_folder_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadZoo, match="found none"):
        FolderSource(path=str(tmp_path)).items()


def test_packed_chairs_are_limited_by_count(tmp_path: Path) -> None:
    solid = np.packbits(np.ones((3, 32**3), bool), axis=1)
    np.savez(tmp_path / "chairs.npz", solid=solid, index=np.array([5, 6, 7]))
    path = str(tmp_path / "chairs.npz")
    assert [i.name for i in ModelNetSource(path=path).items()] == ["modelnet-0005", "modelnet-0006", "modelnet-0007"]
    two = ModelNetSource(path=path, count=2, test=1).items()
    assert len(two) == 2
    assert Counter(i.split for i in two) == {"train": 1, "test": 1}
    assert two[0].load().sdf(torch.zeros(1, 3)) < 0


@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY"])
def test_an_unreadable_voxel_grid_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "grid.npy").write_bytes(content)
    with pytest.raises(BadShapeFile, match=r"grid.npy"):
        load_shape(tmp_path / "grid.npy")


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "grid.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BadShapeFile, match=r"grid.npy"):
        load_shape(tmp_path / "grid.npy")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "tables"}, r"\['chairs', 'folder', 'modelnet'\], got \"tables\""),
        ({}, "got null"),
        ({"kind": "chairs", "count": 3, "colour": "red"}, "colour"),
        ({"kind": "chairs"}, "count"),
    ],
)
def test_json_of_no_source_is_refused_with_what_is_wrong(data: dict, words: str) -> None:
    with pytest.raises(BadZoo, match=words):
        source_from_json(data)
