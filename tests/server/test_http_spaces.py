"""GET /spaces and the latents in one."""

from pathlib import Path
from typing import Any

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import LATENT, TINY, make_space

from netspace.errors import BadSpace, UnknownName
from server.registry import Registry


def test_a_space_says_what_it_decodes_to_and_how_good_it_is(shared: TestClient) -> None:
    (space,) = shared.get("/spaces").json()["spaces"]
    assert space == shared.get("/spaces/tiny").json()
    assert space["id"] == "tiny"
    assert space["title"] == "The tiny space"
    assert space["latent_size"] == LATENT
    assert space["architectures"] == [{"id": TINY.name, "name": TINY.name, "parameters": TINY.layout.size}]
    assert space["gallery_size"] == 3
    assert space["report"] == {"summary": {"iou": 0.9}}
    assert space["card"] == "# Tiny\n"


def test_an_unknown_space_is_404_and_names_those_there_are(shared: TestClient) -> None:
    for answer in (shared.get("/spaces/nope"), shared.get("/spaces/nope/latents")):
        assert "tiny" in assert_problem(answer, 404, "not-found")["detail"]


def test_the_gallery_comes_first_then_uploads_newest_first_in_any_pages(
    client: TestClient, small_files: list[bytes]
) -> None:
    made = [client.post("/embed", files={"file": ("x.pt", content)}).json()["id"] for content in small_files]
    whole = client.get("/spaces/tiny/latents").json()
    assert [item["id"] for item in whole["items"]] == ["tiny.ball-0", "tiny.ball-1", "tiny.nothing", *reversed(made)]
    pages = [client.get(f"/spaces/tiny/latents?offset={offset}&limit=2").json() for offset in (0, 2, 4, 6)]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {page["total"] for page in pages} == {5}


def test_origin_selects_the_gallery_or_the_uploads(shared: TestClient, uploaded: dict[str, Any]) -> None:
    gallery = shared.get("/spaces/tiny/latents?origin=gallery").json()
    uploads = shared.get("/spaces/tiny/latents?origin=upload").json()
    assert (gallery["total"], {item["origin"] for item in gallery["items"]}) == (3, {"gallery"})
    assert [item["id"] for item in uploads["items"]] == [uploaded["id"]]


@pytest.mark.parametrize("query", ["offset=-1", "limit=0", "limit=100000", "origin=elsewhere", "offset=x"])
def test_a_bad_page_is_422_and_names_the_field(shared: TestClient, query: str) -> None:
    errors = assert_problem(shared.get(f"/spaces/tiny/latents?{query}"), 422, "invalid-request")["errors"]
    assert errors[0]["where"] == f"query.{query.partition('=')[0]}"


def test_spaces_are_loaded_in_order_of_their_folders_and_the_first_is_the_default(tmp_path: Path) -> None:
    make_space(tmp_path / "b", "first")
    make_space(tmp_path / "c", "second")
    registry = Registry.open(tmp_path, "cpu")
    assert [space.id for space in registry] == ["first", "second"]
    assert registry.get(None).id == "first"
    registry.close()


def test_the_folder_of_one_space_is_a_registry_of_one(space_folder: Path) -> None:
    registry = Registry.open(space_folder / "tiny", "cpu")
    assert [space.id for space in registry] == ["tiny"]
    registry.close()


def test_two_spaces_of_one_name_are_refused(tmp_path: Path) -> None:
    make_space(tmp_path / "a", "same")
    make_space(tmp_path / "b", "same")
    with pytest.raises(BadSpace, match="same"):
        Registry.open(tmp_path, "cpu")


def test_a_name_that_could_not_be_part_of_an_id_is_refused(tmp_path: Path) -> None:
    make_space(tmp_path / "a", "two.parts")
    with pytest.raises(BadSpace, match=r"two\.parts"):
        Registry.open(tmp_path, "cpu")


def test_without_spaces_there_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="None"):
        Registry.open(tmp_path, "cpu").get(None)
