"""Spaces of classifiers on the command line, from a zoo to what ships."""

import json
from pathlib import Path

import pytest
import torch
from classifiers import RESNET, classifier_space, inputs_for
from safetensors.torch import load_file
from test_cli import Command, netspace  # noqa: F401 - a fixture

from netspace.checkpoint import network_bytes, read_network
from netspace.spaces import load_space, save_space
from netspace.zoo import Zoo


@pytest.fixture
def images(classifier_zoo: Zoo) -> Path:
    return classifier_zoo.root / "images"


@pytest.fixture
def space_folder(tmp_path: Path) -> Path:
    save_space(classifier_space(), tmp_path / "space")
    return tmp_path / "space"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    theta = inputs_for(classifier_space(), (2,)).theta[0]
    (tmp_path / "network.pt").write_bytes(network_bytes(RESNET, theta))
    return tmp_path / "network.pt"


def test_from_training_to_pictures(netspace: Command, classifier_zoo: Zoo, images: Path, tmp_path: Path) -> None:  # noqa: F811
    config = {
        "space": classifier_space().config.to_json(),
        "objective": {"targets": "teacher", "kl": 0.9, "cross_entropy": 0.1, "between": 1.0},
        "batch": {"networks": 2, "images": 4},
        "steps": 2,
        "teacher": str(classifier_zoo.root),
    }
    (tmp_path / "train.json").write_text(json.dumps(config))
    run, shared = tmp_path / "run", ("--zoo", classifier_zoo.root, "--images", images, "--device", "cpu")
    trained = netspace("train", tmp_path / "train.json", *shared, "-o", run)
    assert trained.code == 0, trained.err
    assert trained.json["steps"] == 2
    more = ("--teacher", classifier_zoo.root, "--searches", 1, "--search-steps", 1, "--pairs", 1)
    evaluated = netspace("evaluate", run, *shared, *more)
    assert evaluated.code == 0, evaluated.err
    assert "| ResNet8 |" in evaluated.out
    shipped = netspace("publish", run, "--zoo", classifier_zoo.root, "-o", tmp_path / "shipped", "--networks", 1)
    assert shipped.code == 0, shipped.err
    assert shipped.json["entries"] == 4
    drawn = netspace("results", tmp_path / "shipped", "-o", tmp_path / "results")
    assert drawn.code == 0, drawn.err
    assert (tmp_path / "results" / "classifiers.md").exists()


def test_embed_decode_and_interpolate_classifiers(
    netspace: Command,  # noqa: F811
    space_folder: Path,
    network: Path,
    images: Path,
    tmp_path: Path,
) -> None:
    latent = tmp_path / "z.safetensors"
    embedded = netspace("embed", network, "-s", space_folder, "-o", latent)
    assert embedded.code == 0, embedded.err
    assert set(embedded.json) == {
        "architecture", "agreement", "accuracy", "decoded_accuracy", "represented", "verdict"
    }  # fmt: skip
    z = load_file(latent)["z"]
    decoded = netspace("decode", latent, "-s", space_folder, "-o", tmp_path / "twin.pt")
    assert decoded.code == 0, decoded.err
    arch, theta = read_network(tmp_path / "twin.pt")
    space = load_space(space_folder)
    ((wanted, expected),) = space.networks(space.decode(z[None]))
    assert arch == wanted
    torch.testing.assert_close(theta, expected)
    line = netspace("interpolate", latent, network, "-s", space_folder, "-o", tmp_path / "l", "--steps", 2,
                    "--images", images)  # fmt: skip
    assert line.code == 0, line.err
    assert [set(point) for point in line.json["points"]] == [{"t", "architecture", "accuracy"}] * 2
    assert read_network(tmp_path / "l" / "000.pt")[0] == wanted


def test_distill_finds_a_latent_and_tests_it_once(
    netspace: Command,  # noqa: F811
    space_folder: Path,
    network: Path,
    images: Path,
    classifier_zoo: Zoo,
    tmp_path: Path,
) -> None:
    arguments = ("optimize", "distill", network, "-s", space_folder, "--images", images, "--batch", 4, "--steps", 2)
    done = netspace(*arguments, "--teacher", classifier_zoo.root, "-o", tmp_path / "best.safetensors")
    assert done.code == 0, done.err
    assert set(done.json["test_accuracy"]) == {"input", "decoded", "optimised"}
    assert load_file(tmp_path / "best.safetensors")["z"].shape == (6,)
    assert list(tmp_path.glob(".best*")) == [], "nothing is left beside it"


def test_what_needs_images_says_so(netspace: Command, space_folder: Path, network: Path, classifier_zoo: Zoo) -> None:  # noqa: F811
    done = netspace("evaluate", space_folder, "--zoo", classifier_zoo.root)
    assert done.code == 2
    assert "--images" in done.err
    done = netspace("interpolate", network, network, "-s", space_folder, "-o", space_folder / "l", "--steps", 2)
    assert done.code == 0, "architectures are told without"
