import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from classifiers import image_folder, zoo_config
from safetensors.torch import load_file, save_file
from torch import nn

from netspace import __version__
from netspace.archs import LeNetLike
from netspace.checkpoint import network_bytes, read_network
from netspace.cli import main
from netspace.data.sources import ChairSource
from netspace.fit import FitConfig
from netspace.spaces import load_space
from netspace.zoo import Zoo, ZooConfig


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


Command = Callable[..., Done]


@pytest.fixture
def netspace(capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, run in this process."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["netspace", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        return Done(int(ended.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def networks(zoo: Zoo, tmp_path: Path) -> list[Path]:
    """Two networks of the tiny zoo as checkpoints."""
    paths = [tmp_path / "a.pt", tmp_path / "b.safetensors"]
    for path, theta in zip(paths, zoo.theta([0, 1]), strict=True):
        path.write_bytes(network_bytes(zoo.arch, theta, path.suffix[1:]))
    return paths


def assert_one_line_error(done: Done, words: str) -> None:
    lines = done.err.strip().splitlines()
    assert done.code == 2, done.err
    assert words in lines[-1]
    assert "Traceback" not in done.err
    assert done.out == ""


def test_fit_writes_a_network_and_says_how_well_it_fits(netspace: Command, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    done = netspace("fit", "chair:3", "-o", path, "--steps", 30, "--hidden", "16,16", "--device", "cpu")
    assert done.code == 0, done.err
    arch, theta = read_network(path)
    assert arch.name == done.json["architecture"] == "siren-16-16"
    assert torch.isfinite(theta).all()
    assert 0 <= done.json["iou"] <= 1


def test_mesh_writes_a_mesh(netspace: Command, networks: list[Path], tmp_path: Path) -> None:
    import trimesh

    done = netspace("mesh", networks[0], "-o", tmp_path / "a.ply", "--resolution", 32)
    assert done.code == 0, done.err
    mesh = trimesh.load_mesh(tmp_path / "a.ply")
    assert len(mesh.faces) == done.json["faces"] > 0
    assert mesh.volume == pytest.approx(done.json["volume"], abs=1e-4)


def test_compare_of_a_network_with_itself_finds_no_difference(netspace: Command, networks: list[Path]) -> None:
    assert netspace("compare", networks[0], networks[0], "--resolution", 32).json == {
        "iou": 1,
        "chamfer": 0,
        "f_score": 1,
    }
    assert netspace("compare", *networks, "--resolution", 32).json["iou"] < 1


def test_zoo_build_builds_from_json_and_info_counts(netspace: Command, tmp_path: Path, in_process: None) -> None:  # noqa: ARG001
    config = ZooConfig(
        sources=(ChairSource(count=3, val=1),),
        fit=FitConfig(hidden=(8, 8), steps=10, points=32, pool=200, fast=False),
        shard_size=2,
    )
    (tmp_path / "zoo.json").write_text(json.dumps(config.to_json()))
    folder = tmp_path / "zoo"
    first = netspace(
        "zoo", "build", folder, "--config", tmp_path / "zoo.json", "--shard", "0/2", "--workers", 1, "--device", "cpu"
    )
    assert first.code == 0, first.err
    assert first.json["networks"] == 2
    second = netspace("zoo", "build", folder, "--shard", "1/2", "--workers", 1, "--device", "cpu")
    assert second.json["networks"] == 3
    info = netspace("zoo", "info", folder).json
    assert info == second.json
    assert {name: group["networks"] for name, group in info["groups"].items()} == {
        "procedural/train": 2,
        "procedural/val": 1,
    }


def test_embed_writes_the_latent_that_decode_reads(
    netspace: Command, networks: list[Path], saved_space: Path, tmp_path: Path
) -> None:
    embedded = netspace("embed", networks[0], "-s", saved_space, "-o", tmp_path / "z.safetensors")
    assert embedded.code == 0, embedded.err
    assert set(embedded.json) == {"architecture", "iou", "chamfer", "f_score", "represented", "verdict"}
    z = load_file(tmp_path / "z.safetensors")["z"]
    decoded = netspace("decode", tmp_path / "z.safetensors", "-s", saved_space, "-o", tmp_path / "twin.safetensors")
    assert decoded.code == 0, decoded.err
    _, theta = read_network(tmp_path / "twin.safetensors")
    torch.testing.assert_close(theta, load_space(saved_space).decode(z[None]).theta[0])


def test_interpolate_writes_the_networks_of_the_line(netspace: Command, saved_space: Path, tmp_path: Path) -> None:
    ends = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path, value in zip(ends, (-1.0, 1.0), strict=True):
        save_file({"z": torch.full((8,), value)}, path)
    done = netspace("interpolate", *ends, "-o", tmp_path / "line", "--steps", 3, "-s", saved_space)
    assert done.code == 0, done.err
    assert [point["t"] for point in done.json["points"]] == [0, 0.5, 1]
    assert sorted(p.name for p in (tmp_path / "line").iterdir()) == ["000.pt", "001.pt", "002.pt"]
    middle = load_space(saved_space).decode(torch.zeros(1, 8)).theta[0]
    torch.testing.assert_close(read_network(tmp_path / "line" / "001.pt")[1], middle)


def test_version_is_the_packages(netspace: Command) -> None:
    done = netspace("version")
    assert (done.code, done.out.strip()) == (0, __version__)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "chair:x", "-o", "x.pt"), "chair:x"),
        (("fit", "nothing.obj", "-o", "x.pt"), "nothing.obj"),
        (("fit", "chair:1", "-o", "x.onnx"), "x.onnx"),
        (("fit", "chair:1", "-o", "x.pt", "--hidden", "8,wide"), "8,wide"),
        (("fit", "chair:1", "-o", "x.pt", "--hidden", "0"), "hidden layers"),
        (("fit", "chair:1", "-o", "x.pt", "--steps", "0"), "steps >= 1"),
        (("mesh", "nothing.pt", "-o", "x.glb"), "nothing.pt"),
        (("mesh", "nothing.pt", "-o", "x.glb", "--resolution", "5"), "16 to 512, got 5"),
        (("compare", "nothing.pt", "nothing.pt"), "nothing.pt"),
        (("optimize", "fit-points", "nothing.ply", "-o", "z.safetensors"), "nothing.ply"),
        (("optimize", "attributes", "--set", "volume=big", "-o", "z.safetensors"), "volume=big"),
        (("optimize", "attributes", "--steps", "-1", "-o", "z.safetensors"), "steps >= 0"),
        (("zoo", "info", "nothing"), "zoo.json"),
        (("zoo", "build", "nothing"), "zoo.json"),
        (("zoo", "build", "nothing", "--config", "nothing.json"), "nothing.json"),
        (("zoo", "build", "nothing", "--shard", "one"), "i/N"),
        (("embed", "nothing.pt", "-s", "nothing"), "model.safetensors"),
        (("decode", "chair-1", "-s", "nothing", "-o", "x.pt"), "model.safetensors"),
        (("interpolate", "a", "b", "-o", "line", "--steps", "1", "-s", "nothing"), "2 to 256, got 1"),
        (("train", "nothing.json", "--zoo", "nothing", "-o", "run"), "nothing.json"),
        (("publish", "nothing", "--zoo", "nothing", "-o", "out"), "zoo.json"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], words: str, netspace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert_one_line_error(netspace(*arguments), words)


def test_brackets_in_a_message_are_shown(netspace: Command, tmp_path: Path) -> None:
    torch.save(nn.Conv1d(3, 8, 3).state_dict(), tmp_path / "conv.pt")
    assert_one_line_error(netspace("mesh", tmp_path / "conv.pt", "-o", tmp_path / "x.glb"), "a linear layer [out, in]")


def test_a_classifier_has_no_surface(netspace: Command, tmp_path: Path) -> None:
    arch, path = LeNetLike(), tmp_path / "classifier.pt"
    path.write_bytes(network_bytes(arch, arch.initial(1, torch.Generator().manual_seed(0))[0]))
    assert_one_line_error(netspace("mesh", path, "-o", tmp_path / "x.glb"), "expected an SDF network")
    assert_one_line_error(netspace("compare", path, path), "expected an SDF network")


def test_an_unknown_gallery_id_is_refused(netspace: Command, saved_space: Path, tmp_path: Path) -> None:
    assert_one_line_error(netspace("decode", "chair-1", "-s", saved_space, "-o", tmp_path / "x.pt"), "gallery")


def test_a_latent_of_another_size_is_refused(netspace: Command, saved_space: Path, tmp_path: Path) -> None:
    save_file({"z": torch.zeros(9)}, tmp_path / "z.safetensors")
    done = netspace("decode", tmp_path / "z.safetensors", "-s", saved_space, "-o", tmp_path / "x.pt")
    assert_one_line_error(done, "expected [B, 8], got (1, 9)")


def test_mesh_decode_and_interpolate_take_places(netspace: Command, space_with_gallery: Path, tmp_path: Path) -> None:
    """One place, written as a combination and as the half of a line, is one network."""
    place, options = "x-0:0.5,x-1:0.5,~pc1:0.1", ("-s", space_with_gallery)
    assert netspace("decode", place, "-o", tmp_path / "x.pt", *options).code == 0
    done = netspace("interpolate", "x-0:1,~pc1:0.1", "x-1:1,~pc1:0.1", "-o", tmp_path / "line", "--steps", 3, *options)
    assert done.code == 0, done.err
    assert torch.allclose(read_network(tmp_path / "x.pt")[1], read_network(tmp_path / "line" / "001.pt")[1], atol=1e-6)
    wrong = netspace("decode", "x-0:0.5,x-1:half", "-o", tmp_path / "y.pt", *options)
    assert_one_line_error(wrong, "term 2: expected a number")
    assert_one_line_error(netspace("decode", "x-0:1,x-9:1", "-o", tmp_path / "y.pt", *options), "term 2: no network")


def test_mesh_takes_a_checkpoint_a_latent_and_a_place(
    netspace: Command, space_with_gallery: Path, networks: list[Path], tmp_path: Path
) -> None:
    """The space is untrained: its networks may have no surface, and then both ways say so."""
    save_file(
        {"z": load_file(space_with_gallery / "gallery" / "latents.safetensors")["latents"][0]},
        tmp_path / "z.safetensors",
    )
    sources = ("x-0", "x-0:1", tmp_path / "z.safetensors")
    answers = [
        netspace("mesh", source, "-o", tmp_path / f"{i}.ply", "--resolution", 16, "-s", space_with_gallery)
        for i, source in enumerate(sources)
    ]
    assert len({(done.code, done.json["volume"] if done.out else done.err) for done in answers}) == 1
    plain = netspace("mesh", networks[1], "-o", tmp_path / "b.ply", "--resolution", 32)
    assert plain.json["faces"] > 0


def test_directions_are_listed_with_what_they_are_worth(netspace: Command, space_with_gallery: Path) -> None:
    found = netspace("directions", "-s", space_with_gallery).json["directions"]
    assert [one["name"] for one in found] == ["pc1", "pc2", "pc3", "pc4"]
    assert found[0]["r2"] >= found[1]["r2"] > 0


@pytest.fixture
def space_with_gallery(saved_space: Path) -> Path:
    """The untrained space with a gallery of five latents."""
    from netspace.spaces import Entry, Gallery
    from netspace.spaces.gallery import Projection

    latents = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    entries = tuple(
        Entry(id=f"x-{i}", name="x", source="x", split="test", iou=1, f_score=1, position=(0.0, 0.0), properties={})
        for i in range(5)
    )
    arch = load_space(saved_space).architectures[0]
    Gallery(entries, latents, Projection.of(latents), {}, (arch,), saved_space / "gallery").save({})
    return saved_space


def test_optimising_points_and_attributes_writes_the_best_latent(
    netspace: Command, space_with_gallery: Path, tmp_path: Path
) -> None:
    import trimesh

    trimesh.creation.icosphere(3, 0.6).export(tmp_path / "ball.ply")
    out, common = tmp_path / "z.safetensors", ("--steps", 20, "-s", space_with_gallery, "--device", "cpu")
    for command in (
        ("fit-points", tmp_path / "ball.ply", "-o", out, "--best-of", 3),
        ("attributes", "--start", "x-1", "--change", "volume=0.1", "-o", out),
        ("attributes", "--set", "volume=0.5", "-o", out),
    ):
        done = netspace("optimize", *command, *common)
        assert done.code == 0, done.err
        assert done.json["best"] <= done.json["start"]
        assert done.json["verdict"].startswith("Found by")
        assert load_file(out)["z"].shape == (8,)
        out.unlink()


def test_images_are_made_ready_and_counted(netspace: Command, tmp_path: Path) -> None:
    done = netspace("images", image_folder(tmp_path))
    assert done.json == {"images": str(tmp_path), "size": 32, "classes": 10, "train": 80, "val": 20, "test": 40}
    assert (tmp_path / "images-32.safetensors").exists()


def test_missing_images_are_a_line_that_says_how_to_get_them(netspace: Command, tmp_path: Path) -> None:
    done = netspace("images", tmp_path / "none")
    assert_one_line_error(done, "--download cifar10")
    assert_one_line_error(netspace("images", tmp_path, "--download", "imagenet"), "expected cifar10, got 'imagenet'")


def test_a_zoo_of_classifiers_is_built_and_described(netspace: Command, tmp_path: Path, in_process: None) -> None:  # noqa: ARG001
    config = zoo_config(image_folder(tmp_path / "images"))
    (tmp_path / "zoo.json").write_text(json.dumps(config.to_json()))
    done = netspace("zoo", "build", tmp_path / "zoo", "--config", tmp_path / "zoo.json", "--device", "cpu")
    assert done.json["architecture"] == "LeNetLike, ResNet8"
    assert done.json["groups"]["ResNet8/test"]["networks"] == 2
    assert 0 <= done.json["groups"]["ResNet8/test"]["test_accuracy"] <= 1
