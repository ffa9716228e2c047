"""One latent: its record, vector, picture, network and deletion."""

import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import LATENT, TINY, ball

from netspace.checkpoint import network_bytes, read_network
from server.store import vector_bytes, vector_from


def test_a_gallery_latent_has_what_a_latent_has(shared: TestClient) -> None:
    latent = shared.get("/latents/tiny.ball-0").json()
    assert latent["origin"] == "gallery"
    assert latent["created_at"] is None
    assert latent["iou"] == 0.9
    assert latent["represented"] is True
    assert latent["properties"]["height"] == 1.5
    assert latent["architecture"]["id"] == TINY.name
    assert "vector" not in latent


def test_neighbours_leave_the_latent_itself_out(shared: TestClient) -> None:
    nearest = shared.get("/latents/tiny.ball-0").json()["nearest"]
    assert {neighbour["id"] for neighbour in nearest} == {"tiny.ball-1", "tiny.nothing"}


def test_the_vector_comes_on_request(shared: TestClient) -> None:
    vector = shared.get("/latents/tiny.ball-0?vector=true").json()["vector"]
    expected = torch.randn(3, LATENT, generator=torch.Generator().manual_seed(0))[0]
    assert torch.equal(torch.tensor(vector), expected)


def test_vectors_survive_the_database_bit_for_bit() -> None:
    z = torch.randn(17) * torch.tensor(10.0) ** torch.arange(-8, 9)
    assert torch.equal(vector_from(vector_bytes(z)), z)


@pytest.mark.parametrize("latent_id", ["nope", "tiny.nope", "other.ball-0", "tiny.", ".", "ball-0", "%00", "🪑"])
@pytest.mark.parametrize("path", ["", "/picture", "/network", "/mesh"])
def test_an_unknown_latent_is_404(shared: TestClient, latent_id: str, path: str) -> None:
    if latent_id + path != ".":
        assert_problem(shared.get(f"/latents/{latent_id}{path}"), 404, "not-found")


def test_a_deleted_upload_is_gone_with_its_picture_and_network(client: TestClient) -> None:
    files = {"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}
    path = client.post("/embed", files=files).headers["location"]
    answer = client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for part in ("", "/picture", "/network?of=input", "/mesh"):
        assert_problem(client.get(path + part), 404, "not-found")
    assert_problem(client.delete(path), 404, "not-found")
    assert client.post("/embed", files=files).status_code == 201


def test_a_gallery_latent_cannot_be_deleted(shared: TestClient) -> None:
    assert_problem(shared.delete("/latents/tiny.ball-0"), 409, "gallery-latent")
    assert shared.get("/latents/tiny.ball-0").status_code == 200


def test_the_gallerys_pictures_are_served_and_a_missing_one_is_404(shared: TestClient) -> None:
    assert shared.get("/latents/tiny.ball-0/picture").content.startswith(b"\x89PNG")
    assert_problem(shared.get("/latents/tiny.ball-1/picture"), 404, "not-found")


def test_the_gallerys_network_is_served_where_it_ships(shared: TestClient) -> None:
    arch, theta = read_network(shared.get("/latents/tiny.ball-0/network?of=input").content)
    assert arch == TINY
    assert torch.equal(theta, ball(TINY, 0.5))
    assert_problem(shared.get("/latents/tiny.ball-1/network?of=input"), 404, "no-network")


@pytest.mark.parametrize("query", ["format=onnx", "of=both"])
def test_an_unknown_network_format_is_422(shared: TestClient, query: str) -> None:
    assert_problem(shared.get(f"/latents/tiny.ball-0/network?{query}"), 422, "invalid-request")
