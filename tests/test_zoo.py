import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from netspace.data.sources import ChairSource
from netspace.errors import BadZoo, NetSpaceError
from netspace.fit import FitConfig
from netspace.grids import iou, sparse_grid
from netspace.mesh import network_grid
from netspace.zoo import Zoo, ZooConfig, build_shard, build_zoo, read_config, shard_numbers, start_zoo

CONFIG = ZooConfig(
    sources=(ChairSource(count=5, seed=1, val=1, test=1),),
    fit=FitConfig(hidden=(8, 8), steps=20, points=32, pool=300, fast=False),
    shard_size=3,
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, in_process: None) -> Path:  # noqa: ARG001
    root = tmp_path_factory.mktemp("built")
    start_zoo(root, CONFIG)
    build_zoo(root)
    return root


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "shards").iterdir()}


def test_a_configs_json_is_inverted(zoo_config: ZooConfig) -> None:
    assert ZooConfig.from_json(json.loads(json.dumps(zoo_config.to_json()))) == zoo_config


def test_the_same_config_gives_the_same_shards(built: Path, tmp_path: Path) -> None:
    start_zoo(tmp_path, CONFIG)
    for number in (1, 0):
        build_shard(tmp_path, number)
    assert files(tmp_path) == files(built)


def test_a_lost_shard_is_rebuilt_as_it_was_and_the_others_are_left_alone(built: Path, tmp_path: Path) -> None:
    start_zoo(tmp_path, CONFIG)
    before = files(built)
    (tmp_path / "shards" / "00000.safetensors").write_bytes(before["00000.safetensors"])
    os.utime(tmp_path / "shards" / "00000.safetensors", ns=(1, 1))
    calls: list[tuple[int, int]] = []
    build_zoo(tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert files(tmp_path) == before
    assert (tmp_path / "shards" / "00000.safetensors").stat().st_mtime_ns == 1
    assert calls == [(1, 2), (2, 2)]


def test_shards_built_in_a_child_process_are_the_same(built: Path, tmp_path: Path) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    start_zoo(tmp_path, CONFIG)
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        pool.submit(build_shard, tmp_path, 1).result()
    assert files(tmp_path)["00001.safetensors"] == files(built)["00001.safetensors"]


def test_starting_again_with_the_same_config_changes_nothing(built: Path) -> None:
    before = (built / "zoo.json").stat().st_mtime_ns
    start_zoo(built, CONFIG)
    assert (built / "zoo.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"shard_size": 4}, {"seed": 1}, {"fit": FitConfig()}])
def test_another_config_in_the_same_folder_is_refused(built: Path, change: dict) -> None:
    with pytest.raises(BadZoo, match=r"zoo.json describes another zoo"):
        start_zoo(built, replace(CONFIG, **change))


def test_a_half_written_file_is_ignored(built: Path, tmp_path: Path) -> None:
    start_zoo(tmp_path, CONFIG)
    shards = files(built)
    (tmp_path / "shards" / "00001.safetensors").write_bytes(shards["00001.safetensors"])
    (tmp_path / "shards" / ".00000.safetensors.123.part").write_bytes(shards["00000.safetensors"][:100])
    assert len(Zoo.open(tmp_path).networks) == 2
    build_zoo(tmp_path)
    assert len(Zoo.open(tmp_path).networks) == 5


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_the_parts_of_n_cover_every_shard_once(built: Path, parts: int) -> None:
    numbers = [n for part in range(parts) for n in shard_numbers(built, part, parts)]
    assert sorted(numbers) == [0, 1]


@pytest.mark.parametrize(("part", "parts"), [(2, 2), (-1, 2), (0, 0)])
def test_a_part_out_of_range_is_refused(built: Path, part: int, parts: int) -> None:
    with pytest.raises(BadZoo, match=f"got {part}/{parts}"):
        shard_numbers(built, part, parts)


def test_every_shape_is_there_once_with_its_split_and_properties(zoo: Zoo, zoo_config: ZooConfig) -> None:
    items = {item.name: item for item in zoo_config.items()}
    assert sorted(n.name for n in zoo.networks) == sorted(items)
    assert Counter(n.split for n in zoo.networks) == {"train": 5, "val": 2, "test": 3}
    for network in zoo.networks:
        item = items[network.name]
        assert network.split == item.split
        assert network.source == "procedural"
        known = {name: value for name, value in network.properties.items() if name != "fit_iou"}
        assert known == item.load().properties()


def test_the_fits_quality_is_recorded(zoo: Zoo) -> None:
    for index in (2, 7):
        solid = network_grid(zoo.arch, zoo.theta([index])[0], 64).occupied()
        items = {item.name: item for item in read_config(zoo.root).items()}
        shape = sparse_grid(items[zoo.networks[index].name].load().sdf, 64).occupied()
        assert zoo.networks[index].properties["fit_iou"] == pytest.approx(iou(solid, shape))


def test_theta_comes_in_the_order_asked_for(zoo: Zoo) -> None:
    everything = zoo.theta(list(range(10)))
    assert everything.shape == (10, zoo.arch.layout.size)
    order = [9, 0, 4, 9, 5]
    assert torch.equal(zoo.theta(order), everything[order])
    assert len(everything.unique(dim=0)) == 10


def test_indices_of_the_splits_share_the_networks(zoo: Zoo) -> None:
    indices = [i for split in ("train", "val", "test") for i in zoo.indices(split)]
    assert sorted(indices) == list(range(10))
    with pytest.raises(BadZoo, match="got 'holdout'"):
        zoo.indices("holdout")


def test_a_folder_without_a_zoo_is_refused(tmp_path: Path) -> None:
    for use in (Zoo.open, shard_numbers, lambda root: build_shard(root, 0)):
        with pytest.raises(BadZoo, match=r"zoo.json"):
            use(tmp_path)


def test_a_zoo_without_shards_is_refused(tmp_path: Path) -> None:
    start_zoo(tmp_path, CONFIG)
    with pytest.raises(BadZoo, match="no shard has been built yet"):
        Zoo.open(tmp_path)


def test_a_damaged_zoo_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zoo.json").write_text("{")
    for use in (Zoo.open, shard_numbers, lambda root: start_zoo(root, CONFIG)):
        with pytest.raises(BadZoo, match=r"zoo.json"):
            use(tmp_path)


@pytest.mark.parametrize("kind", ["empty", "text", "no manifest"])
def test_a_damaged_shard_is_refused_by_name(kind: str, built: Path, tmp_path: Path) -> None:
    start_zoo(tmp_path, CONFIG)
    path = tmp_path / "shards" / "00001.safetensors"
    if kind == "no manifest":
        save_file({"theta": torch.zeros(2, 3)}, path)
    else:
        path.write_bytes(b"" if kind == "empty" else b"no shard, only text")
    (tmp_path / "shards" / "00000.safetensors").write_bytes(files(built)["00000.safetensors"])
    with pytest.raises(BadZoo, match=r"00001.safetensors: expected a zoo shard"):
        Zoo.open(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"fit": {"hidden": [8], "step": 3}},
        {"fit": {"steps": 3}},
        {"fit": {"hidden": [8], "steps": 0}},
        {"fit": {"hidden": 8}},
        {"sources": []},
        {"sources": [{"kind": "tables"}]},
        {"shard_size": 0},
        {"shard_size": None},
    ],
)
def test_json_of_no_zoo_is_refused(change: dict) -> None:
    with pytest.raises(NetSpaceError):
        ZooConfig.from_json({**CONFIG.to_json(), **change})


def test_any_prefix_of_shards_is_a_mixture_of_the_sources() -> None:
    both = replace(CONFIG, sources=(ChairSource(count=30, seed=1), ChairSource(count=30, seed=2, test=30)))
    first = both.items()[:20]
    assert 4 < sum(item.split == "test" for item in first) < 16
