"""POST /embed with networks that can be read."""

import asyncio
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from PIL import Image
from tiny import TINY, UPLOADED, ball, make_space

from netspace.archs import Siren
from netspace.checkpoint import network_bytes, read_network
from netspace.spaces import load_space
from server.app import create_app
from server.settings import Settings


def test_an_upload_gets_an_id_its_architecture_and_its_place(shared: TestClient, uploaded: dict[str, Any]) -> None:
    assert uploaded["origin"] == "upload"
    assert uploaded["space"] == "tiny"
    assert uploaded["name"] == "my ball"
    assert uploaded["architecture"]["name"] == "siren-24-16-12"
    assert uploaded["architecture"]["parameters"] == UPLOADED.layout.size
    assert len(uploaded["position"]) == 2
    assert uploaded["has_network"] is True
    assert uploaded == shared.get(f"/latents/{uploaded['id']}").json()


def test_the_iou_is_between_the_upload_and_its_decoded_twin(uploaded: dict[str, Any]) -> None:
    assert 0.65 < uploaded["iou"] <= 1, "both are balls, of radius 0.58 and about 0.6"
    assert uploaded["represented"] == (not uploaded["verdict"].startswith("Badly"))
    assert f"{uploaded['iou']:.2f}" in uploaded["verdict"]


def test_the_properties_are_those_of_the_upload_itself(uploaded: dict[str, Any]) -> None:
    assert uploaded["properties"]["volume"] == pytest.approx(4 / 3 * torch.pi * 0.58**3, rel=0.05)
    assert uploaded["properties"]["parts"] == 1


def test_neighbours_are_of_the_gallery_nearest_first(uploaded: dict[str, Any]) -> None:
    distances = [neighbour["distance"] for neighbour in uploaded["nearest"]]
    assert distances == sorted(distances)
    assert {neighbour["id"] for neighbour in uploaded["nearest"]} == {"tiny.ball-0", "tiny.ball-1", "tiny.nothing"}


def test_the_answer_is_201_with_a_location_that_leads_to_the_latent(client: TestClient) -> None:
    answer = client.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/latents/{answer.json()['id']}"
    assert client.get(answer.headers["location"]).json()["id"] == answer.json()["id"]


def test_ids_of_uploads_are_url_safe_and_unguessable(uploaded: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{20,}", uploaded["id"])


def test_the_same_file_again_is_200_and_the_same_latent(client: TestClient) -> None:
    content = network_bytes(TINY, ball(TINY, 0.6))
    first = client.post("/embed", files={"file": ("a.pt", content)})
    again = client.post("/embed", files={"file": ("b.pt", content)}, data={"name": "another name"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert client.get("/spaces/tiny/latents?origin=upload").json()["total"] == 1


def test_the_same_file_twice_at_once_is_one_latent(settings: Settings) -> None:
    content = network_bytes(TINY, ball(TINY, 0.6))

    async def both() -> list[httpx.Response]:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as http,
        ):
            posts = (http.post("/embed", files={"file": ("a.pt", content)}) for _ in range(2))
            return list(await asyncio.gather(*posts))

    answers = asyncio.run(both())
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize(("hidden", "file_format"), [((3,), "pt"), ((5, 6, 7, 8, 9), "safetensors")], ids=str)
def test_any_width_and_depth_is_recognised_in_either_format(
    client: TestClient, hidden: tuple[int, ...], file_format: str
) -> None:
    arch = Siren(hidden=hidden)
    answer = client.post("/embed", files={"file": ("net", network_bytes(arch, ball(arch, 0.6), file_format))})
    assert answer.status_code == 201, answer.text
    assert answer.json()["architecture"]["name"] == arch.name


def test_an_upload_outside_the_space_is_embedded_and_said_to_be_badly_represented(client: TestClient) -> None:
    answer = client.post("/embed", files={"file": ("speck.pt", network_bytes(TINY, ball(TINY, 0.2)))})
    assert answer.status_code == 201
    assert answer.json()["iou"] < 0.2
    assert answer.json()["represented"] is False
    assert "outside this space" in answer.json()["verdict"]


def test_an_upload_has_a_picture_of_its_decoded_mesh(shared: TestClient, uploaded: dict[str, Any]) -> None:
    answer = shared.get(uploaded["picture"])
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    assert image.size == (128, 128)
    assert image.getpixel((64, 64))[3] > 0, "the ball is in the middle"
    assert image.getpixel((0, 0))[3] == 0, "and around it is nothing"


def test_a_given_name_replaces_the_files(client: TestClient) -> None:
    files = {"file": ("../../etc/a.pt", network_bytes(TINY, ball(TINY, 0.6)))}
    assert client.post("/embed", files=files, data={"name": "Grandmother's"}).json()["name"] == "Grandmother's"


def test_latents_outlive_the_process(settings: Settings) -> None:
    content = network_bytes(TINY, ball(TINY, 0.6))
    with TestClient(create_app(settings)) as before:
        latent = before.post("/embed", files={"file": ("a.pt", content)}).json()
        vector = before.get(f"/latents/{latent['id']}?vector=true").json()["vector"]
    with TestClient(create_app(settings)) as after:
        assert after.get(f"/latents/{latent['id']}").json() == latent
        assert after.get(f"/latents/{latent['id']}?vector=true").json()["vector"] == vector
        assert after.post("/embed", files={"file": ("a.pt", content)}).status_code == 200


def test_a_space_that_was_trained_again_does_not_show_latents_of_its_former_weights(
    settings_in: Callable[..., Settings], tmp_path: Path
) -> None:
    files = {"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}
    make_space(tmp_path / "spaces" / "tiny", seed=0)
    settings = settings_in(tmp_path, spaces=tmp_path / "spaces")
    with TestClient(create_app(settings)) as before:
        old = before.post("/embed", files=files).json()["id"]
    make_space(tmp_path / "spaces" / "tiny", seed=1)
    with TestClient(create_app(settings)) as after:
        assert "other weights" in assert_problem(after.get(f"/latents/{old}"), 404, "not-found")["detail"]
        assert after.get("/spaces/tiny/latents?origin=upload").json()["total"] == 0
        assert after.post("/embed", files=files).status_code == 201


def test_a_space_is_chosen_by_its_id_and_by_default_the_first(
    settings_in: Callable[..., Settings], tmp_path: Path
) -> None:
    files = {"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}
    for name in ("one", "two"):
        make_space(tmp_path / "spaces" / name, name)
    with TestClient(create_app(settings_in(tmp_path, spaces=tmp_path / "spaces"))) as client:
        default, chosen = client.post("/embed", files=files), client.post("/embed", files=files, data={"space": "two"})
        assert (default.json()["space"], chosen.json()["space"]) == ("one", "two")
        assert default.json()["id"] != chosen.json()["id"]
        assert {n["id"].partition(".")[0] for n in chosen.json()["nearest"]} == {"two"}
        line = {"a": default.json()["id"], "b": chosen.json()["id"], "steps": 2}
        assert_problem(client.post("/interpolate", json=line), 422, "different-spaces")


def test_the_latent_is_what_the_library_finds(shared: TestClient, uploaded: dict[str, Any], space_folder: Path) -> None:
    vector = shared.get(f"/latents/{uploaded['id']}?vector=true").json()["vector"]
    arch, twin = read_network(shared.get(f"/latents/{uploaded['id']}/network").content)
    decoded = load_space(space_folder / "tiny").decode(torch.tensor([vector])).theta[0]
    assert arch == TINY
    torch.testing.assert_close(twin, decoded)


def test_the_uploaded_network_comes_back_as_it_was(shared: TestClient, uploaded: dict[str, Any]) -> None:
    for file_format in ("pt", "safetensors"):
        answer = shared.get(f"/latents/{uploaded['id']}/network?of=input&format={file_format}")
        arch, theta = read_network(answer.content)
        assert arch == UPLOADED
        assert torch.equal(theta, ball(UPLOADED, 0.58))
        assert f'filename="my-ball-input.{file_format}"' in answer.headers["content-disposition"]
