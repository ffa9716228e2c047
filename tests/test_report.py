import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from netspace.archs import Siren
from netspace.data.sources import ChairSource
from netspace.errors import BadSpace
from netspace.publish import publish
from netspace.report import draw_report, network_picture, png, table
from netspace.spaces import Gallery, load_space
from netspace.spaces.gallery import Projection
from netspace.zoo import Zoo

image_module = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def drawn(evaluated: Path, zoo: Zoo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evaluated run with its table and pictures, as `netspace evaluate` leaves it."""
    folder = tmp_path_factory.mktemp("drawn") / "run"
    shutil.copytree(evaluated, folder)
    report = json.loads((folder / "report.json").read_text())
    (folder / "report.md").write_text(table(report))
    draw_report(load_space(folder), zoo, folder, columns=2)
    return folder


def test_png_bytes_load_back_as_the_image(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
    (tmp_path / "image.png").write_bytes(png(image))
    assert np.array_equal(np.asarray(image_module.open(tmp_path / "image.png")), image)


def test_a_network_without_a_surface_has_an_empty_picture(generator: torch.Generator) -> None:
    arch = Siren(hidden=(4,))
    state = arch.layout.unflatten(arch.initial(1, generator)[0])
    state["layers.1.bias"] = state["layers.1.bias"] + 50
    assert not network_picture(arch, arch.layout.flatten(state), (1, 2, 3), size=16).any()


def test_twins_are_drawn_above_one_another_and_lines_below(drawn: Path) -> None:
    twins = np.asarray(image_module.open(drawn / "pictures" / "twins.png"))
    assert twins.shape == (2 * 128, 2 * 128, 3)
    assert (twins[:128] < 250).any(), "the input networks are visible"
    lines = np.asarray(image_module.open(drawn / "pictures" / "lines.png"))
    assert lines.shape == (2 * 128, 2 * 128, 3)


def test_what_is_published_loads_and_its_gallery_agrees_with_the_report(drawn: Path, zoo: Zoo, tmp_path: Path) -> None:
    output = tmp_path / "checkpoints" / "tiny"
    publish(drawn, zoo, output, 2, 1)
    space, gallery = load_space(output), Gallery.open(output / "gallery")
    report = json.loads((output / "report.json").read_text())
    assert report == json.loads((drawn / "report.json").read_text())
    assert sorted(e.id for e in gallery.entries) == sorted(n["name"] for n in report["networks"])
    by_name = {n["name"]: n for n in report["networks"]}
    rows = {zoo.networks[i].name: i for i in zoo.indices("test")}
    for entry in gallery.entries:
        assert entry.iou == pytest.approx(by_name[entry.id]["iou"], abs=1e-4)
        assert entry.split == "test"
        assert gallery.position(gallery.latent(entry.id)) == pytest.approx(entry.position, abs=1e-4)
        assert (gallery.picture(entry.id) or b"").startswith(b"\x89PNG")
        assert entry.properties["base"] == by_name[entry.id]["base"]
    ((name, theta),) = gallery.networks.items()
    assert torch.equal(theta, zoo.theta([rows[name]])[0].half())
    assert gallery.latents.shape == (2, space.config.latent)
    assert (output / "report.md").read_text().startswith("# Held-out networks")
    assert (output / "pictures" / "twins.png").exists()


def test_a_run_that_was_not_evaluated_is_refused(saved_space: Path, zoo: Zoo, tmp_path: Path) -> None:
    with pytest.raises(BadSpace, match="not evaluated yet"):
        publish(saved_space, zoo, tmp_path / "out", 2, 1)
    assert not (tmp_path / "out").exists()


def test_a_baselines_figures_are_published_beside_the_spaces_own(drawn: Path, zoo: Zoo, tmp_path: Path) -> None:
    publish(drawn, zoo, tmp_path, 1, 0, baseline=drawn)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["baseline"]["summary"] == report["summary"]
    assert "networks" not in report["baseline"]
    text = (tmp_path / "report.md").read_text()
    title = load_space(drawn).config.title
    assert f"| {title}, all |" in text
    assert f"| {title}, source: procedural |" in text
    assert f"| {title}, t = 0.5 |" in text


def test_the_map_of_what_is_published_is_that_of_all_evaluated_latents(drawn: Path, zoo: Zoo, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    publish(drawn, zoo, tmp_path, 1, 0)
    gallery = Gallery.open(tmp_path / "gallery")
    evaluated = load_file(drawn / "latents.safetensors")["z"].half().float()
    torch.testing.assert_close(gallery.projection.axes, Projection.of(evaluated).axes)
    assert len(gallery.entries) == 1
    assert not gallery.networks


def test_procedural_shapes_alone_are_named_so() -> None:
    """What ships is chosen by this name."""
    from netspace.publish import SHIPPED_SOURCE

    assert {item.source for item in ChairSource(count=2).items()} == {SHIPPED_SOURCE}
