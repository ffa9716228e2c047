"""Zoos of classifiers, of several architectures, with every network's accuracy."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from classifiers import image_folder, zoo_config

from netspace import fit_classifiers
from netspace.archs import LeNetLike, ResNet, Siren, VanillaCNN
from netspace.classifier_zoo import ClassifierZooConfig
from netspace.data.images import load_images
from netspace.errors import BadImages, BadZoo, NetSpaceError
from netspace.fit_classifiers import Training, score
from netspace.zoo import Zoo, ZooConfig, build_shard, build_zoo, config_from_json, start_zoo

CONFIGS = sorted(Path("checkpoints").glob("*/zoo*.json"))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ClassifierZooConfig:
    return zoo_config(image_folder(tmp_path_factory.mktemp("images")))


@pytest.fixture(scope="module")
def classifiers(
    tmp_path_factory: pytest.TempPathFactory,
    config: ClassifierZooConfig,
    in_process: None,  # noqa: ARG001
) -> Zoo:
    root = tmp_path_factory.mktemp("classifiers")
    start_zoo(root, config)
    build_zoo(root)
    return Zoo.open(root)


def test_a_configs_json_is_inverted(config: ClassifierZooConfig) -> None:
    assert config_from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_a_config_that_ships_is_one_of_a_zoo(path: Path) -> None:
    config = config_from_json(json.loads(path.read_text()))
    assert isinstance(config, ClassifierZooConfig if path.parent.name != "chairs" else ZooConfig)


@pytest.mark.parametrize(
    ("name", "training"),
    [
        ("cifar10-single", {ResNet(): 100}),
        ("cifar10-multi", {LeNetLike(): 60, VanillaCNN(): 50, ResNet(): 60, ResNet(depth=32): 100}),
        ("cifar10-unseen", {LeNetLike(): 40, ResNet(depth=32): 80}),
        ("cifar10-teacher", {ResNet(depth=56): 1}),
    ],
)
def test_the_papers_zoos_have_its_numbers_of_networks(name: str, training: dict) -> None:
    config = config_from_json(json.loads(Path(f"checkpoints/{name}/zoo-paper.json").read_text()))
    assert isinstance(config, ClassifierZooConfig)
    assert {group.arch: group.train for group in config.groups} == training


def test_every_network_is_there_once_with_its_architecture_and_split(classifiers: Zoo) -> None:
    found = Counter((n.arch.name, n.split) for n in classifiers.networks)
    counts = {"train": 2, "val": 1, "test": 2}
    assert found == {(a, s): n for a in ("LeNetLike", "ResNet8") for s, n in counts.items()}
    assert len({n.name for n in classifiers.networks}) == 10
    assert classifiers.architectures == (LeNetLike(), ResNet())
    rows = classifiers.indices("test", ResNet())
    assert [classifiers.networks[i].arch for i in rows] == [ResNet(), ResNet()]


def test_epochs_spread_from_the_shortest_to_the_longest_in_every_split(config: ClassifierZooConfig) -> None:
    group = replace(config.groups[0], train=4, val=0, test=2, epochs=(1, 16))
    epochs = {split: [e for _, s, e in group.members() if s == split] for split in ("train", "test")}
    assert epochs["train"] == pytest.approx([2**0.5, 2**1.5, 2**2.5, 2**3.5])
    assert epochs["test"] == pytest.approx([2, 8])


def test_accuracies_and_losses_are_those_of_the_stored_weights(classifiers: Zoo, config: ClassifierZooConfig) -> None:
    data = load_images(config.images)
    for index in (0, 5):
        network = classifiers.networks[index]
        theta = classifiers.theta([index])[0]
        for split, images in (("val", data.val), ("test", data.test)):
            assert isinstance(network.arch, (LeNetLike, ResNet))
            accuracy, loss = score(network.arch, theta, images)
            assert network.properties[f"{split}_accuracy"] == accuracy
            assert network.properties[f"{split}_loss"] == pytest.approx(loss, rel=1e-4)


def test_the_same_config_gives_the_same_shards(classifiers: Zoo, config: ClassifierZooConfig, tmp_path: Path) -> None:
    start_zoo(tmp_path, config)
    path = build_shard(tmp_path, 1)
    assert path.read_bytes() == (classifiers.root / "shards" / path.name).read_bytes()


def test_a_shard_that_was_interrupted_continues_and_ends_as_one_that_was_not(
    classifiers: Zoo, config: ClassifierZooConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_zoo(tmp_path, config)
    number = max(range(config.shards), key=lambda i: min(epochs for *_, epochs in config.plan()[i]))
    advance = Training.advance

    def until_the_power_fails(self: Training, forward: object) -> None:
        if self.done == 6:
            raise KeyboardInterrupt
        advance(self, forward)  # type: ignore[arg-type]

    monkeypatch.setattr(fit_classifiers, "SAVE_SECONDS", -1)
    monkeypatch.setattr(Training, "advance", until_the_power_fails)
    with pytest.raises(KeyboardInterrupt):
        build_shard(tmp_path, number)
    assert len(list((tmp_path / "partial").iterdir())) == 1
    done = []

    def counted(self: Training, forward: object) -> None:
        done.append(self.done)
        advance(self, forward)  # type: ignore[arg-type]

    monkeypatch.setattr(Training, "advance", counted)
    path = build_shard(tmp_path, number)
    assert done[0] == 4
    assert path.read_bytes() == (classifiers.root / "shards" / path.name).read_bytes()
    assert not list((tmp_path / "partial").iterdir())


def test_rows_of_several_architectures_are_not_one_matrix(classifiers: Zoo) -> None:
    everything = list(range(len(classifiers.networks)))
    with pytest.raises(BadZoo, match="rows of one architecture, got LeNetLike, ResNet8"):
        classifiers.theta(everything)
    with pytest.raises(BadZoo, match="networks of one architecture, got LeNetLike, ResNet8"):
        _ = classifiers.arch
    rows = [i for i in everything if classifiers.networks[i].arch == ResNet()]
    assert classifiers.theta(rows[::-1]).shape == (5, ResNet().layout.size)
    assert torch.equal(classifiers.theta(rows[::-1]), classifiers.theta(rows).flip(0))


def test_a_zoo_without_images_says_how_to_get_them(config: ClassifierZooConfig, tmp_path: Path) -> None:
    start_zoo(tmp_path / "zoo", replace(config, images=str(tmp_path / "nowhere")))
    with pytest.raises(BadImages, match=r"netspace images .*nowhere --download cifar10"):
        build_zoo(tmp_path / "zoo")


def test_images_of_another_number_of_classes_are_refused(config: ClassifierZooConfig, tmp_path: Path) -> None:
    groups = tuple(replace(group, arch=replace(group.arch, classes=7)) for group in config.groups)
    start_zoo(tmp_path, replace(config, groups=groups))
    with pytest.raises(BadZoo, match="expected 7 classes, found 10"):
        build_zoo(tmp_path)


LENET, RESNET = LeNetLike().to_json(), ResNet().to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"groups": []},
        {"groups": [{"arch": LENET}]},
        {"groups": [{"arch": LENET, "train": -1}]},
        {"groups": [{"arch": LENET, "train": 1, "epochs": [3, 2]}]},
        {"groups": [{"arch": LENET, "train": 1, "epochs": [3]}]},
        {"groups": [{"arch": LENET, "train": 1, "training": {"speed": 3}}]},
        {"groups": [{"arch": LENET, "train": 1}, {"arch": LENET, "train": 2}]},
        {"groups": [{"arch": LENET, "train": 1}, {"arch": {**RESNET, "classes": 9}, "train": 2}]},
        {"groups": [{"arch": Siren().to_json(), "train": 1}]},
        {"groups": [{"arch": {**RESNET, "batch_norm": True}, "train": 1}]},
        {"shard_size": 0},
        {"size": 3},
    ],
)
def test_json_of_no_zoo_is_refused(change: dict, config: ClassifierZooConfig) -> None:
    with pytest.raises(NetSpaceError):
        config_from_json({**config.to_json(), **change})
