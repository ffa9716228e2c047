import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.errors import BadSpace, UnknownName
from netspace.spaces import Entry, Gallery
from netspace.spaces.gallery import Projection

ARCH = Siren(hidden=(4,))


def make(folder: Path, count: int = 5) -> Gallery:
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(count, 6, generator=generator)
    projection = Projection.of(latents)
    entries = tuple(
        Entry(
            id=f"chair-{i}",
            name=f"Chair {i}",
            source="procedural",
            split="test",
            iou=0.5 + i / 100,
            f_score=0.9,
            position=tuple(projection(latents[i]).tolist()),
            properties={"base": "legs", "seat_height": 0.4, "square_legs": True},
        )
        for i in range(count)
    )
    networks = {"chair-1": ARCH.initial(1, generator)[0]}
    return Gallery(entries, latents, projection, networks, (ARCH,), folder)


@pytest.fixture
def saved(tmp_path: Path) -> Gallery:
    gallery = make(tmp_path / "gallery")
    gallery.save({"chair-0": b"a picture"})
    return gallery


def test_open_inverts_save(saved: Gallery) -> None:
    opened = Gallery.open(saved.folder)
    assert opened.entries == saved.entries
    assert opened.arch == ARCH
    assert torch.equal(opened.latents, saved.latents)
    assert torch.equal(opened.projection.axes, saved.projection.axes)
    assert torch.equal(opened.projection.mean, saved.projection.mean)
    assert torch.equal(opened.networks["chair-1"], saved.networks["chair-1"])


def test_entries_are_found_by_their_id(saved: Gallery) -> None:
    gallery = Gallery.open(saved.folder)
    assert torch.equal(gallery.latent("chair-3"), saved.latents[3])
    assert gallery.picture("chair-0") == b"a picture"
    assert gallery.picture("chair-1") is None
    assert gallery.network("chair-0") is None
    arch, theta = gallery.network("chair-1") or (None, torch.empty(0))
    assert arch == ARCH
    assert torch.equal(theta, saved.networks["chair-1"])


@pytest.mark.parametrize("name", ["chair-9", "", "../latents", "chair-0.png"])
def test_unknown_ids_are_refused_by_name(saved: Gallery, name: str) -> None:
    for ask in (saved.latent, saved.picture, saved.network):
        with pytest.raises(UnknownName, match="no network"):
            ask(name)


def test_the_nearest_entry_of_an_entry_is_itself_and_distances_grow(saved: Gallery) -> None:
    for i, entry in enumerate(saved.entries):
        found = saved.nearest(saved.latents[i], 3)
        assert found[0] == (entry, 0.0)
        distances = [d for _, d in found]
        assert distances == sorted(distances)


def test_distances_are_euclidean_and_no_more_than_all_are_given(saved: Gallery) -> None:
    z = torch.ones(6)
    found = saved.nearest(z, 100)
    assert len(found) == len(saved.entries)
    rows = {entry.id: i for i, entry in enumerate(saved.entries)}
    for entry, distance in found:
        assert distance == pytest.approx(float((saved.latents[rows[entry.id]] - z).norm()), rel=1e-5)


def test_positions_are_those_of_the_latents(saved: Gallery) -> None:
    for i, entry in enumerate(saved.entries):
        assert saved.position(saved.latents[i]) == pytest.approx(entry.position, abs=1e-6)


def latents(count: int, size: int, seed: int = 0) -> Tensor:
    spread = torch.linspace(3, 0.1, size)
    return 5 + spread * torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def test_the_projection_is_centred_and_fills_the_unit_square() -> None:
    z = latents(200, 6)
    places = Projection.of(z)(z)
    torch.testing.assert_close(places.mean(0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(places.abs().amax(0), torch.ones(2), atol=1e-4, rtol=0)


def test_the_projection_is_linear_along_lines() -> None:
    z = latents(20, 6)
    projection = Projection.of(z)
    torch.testing.assert_close(
        projection((z[0] + z[1]) / 2), (projection(z[0]) + projection(z[1])) / 2, atol=1e-5, rtol=0
    )


def test_its_axes_are_the_directions_of_largest_variance() -> None:
    z = latents(2000, 6)
    axes = torch.nn.functional.normalize(Projection.of(z).axes, dim=0)
    values, vectors = torch.linalg.eigh(torch.cov(z.T))
    for i in range(2):
        assert float((axes[:, i] @ vectors[:, values.argsort(descending=True)[i]]).abs()) == pytest.approx(1, abs=1e-3)
    assert float(axes[:, 0] @ axes[:, 1]) == pytest.approx(0, abs=1e-4)


def test_the_axes_signs_do_not_depend_on_the_order_of_latents() -> None:
    z = latents(50, 6)
    torch.testing.assert_close(Projection.of(z.flip(0)).axes, Projection.of(z).axes, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_latents_have_finite_places(count: int) -> None:
    z = latents(count, 4)
    assert torch.isfinite(Projection.of(z)(z)).all()


@pytest.mark.parametrize("name", ["gallery.json", "latents.safetensors", "networks.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"no gallery"])
def test_a_missing_or_damaged_file_is_refused(saved: Gallery, name: str, content: bytes | None) -> None:
    (saved.folder / name).unlink()
    if content is not None:
        (saved.folder / name).write_bytes(content)
    with pytest.raises(BadSpace, match="gallery"):
        Gallery.open(saved.folder)


def test_entries_without_latents_are_refused(saved: Gallery) -> None:
    path = saved.folder / "gallery.json"
    data = json.loads(path.read_text())
    data["entries"].pop()
    path.write_text(json.dumps(data))
    with pytest.raises(BadSpace, match="4 entries but 5 latents"):
        Gallery.open(saved.folder)


def test_an_entry_of_other_fields_is_refused(saved: Gallery) -> None:
    path = saved.folder / "gallery.json"
    data = json.loads(path.read_text())
    data["entries"][0]["colour"] = "red"
    path.write_text(json.dumps(data))
    with pytest.raises(BadSpace, match="colour"):
        Gallery.open(saved.folder)


def test_a_gallery_without_networks_is_saved_and_opened(tmp_path: Path) -> None:
    gallery = replace(make(tmp_path / "gallery"), networks={})
    gallery.save({})
    assert Gallery.open(gallery.folder).network("chair-1") is None
