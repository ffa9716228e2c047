"""Places on the wire: combinations of latents and directions, wherever one can be asked for."""

from typing import Any

import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from test_http_mesh import SMALL, unpacked

from netspace.checkpoint import read_network

HALF = "tiny.ball-0:0.5,tiny.ball-1:0.5"


def vector(client: TestClient, latent: str) -> torch.Tensor:
    return torch.tensor(client.get(f"/latents/{latent}?vector=true").json()["vector"])


def theta_of(client: TestClient, body: dict[str, Any]) -> torch.Tensor:
    answer = client.post("/decode", json=body)
    assert answer.status_code == 200, answer.text
    return read_network(answer.content)[1]


def test_a_place_of_one_latent_is_the_latent(shared: TestClient) -> None:
    place = shared.get(f"/mesh?at=tiny.ball-0:1&{SMALL}").content
    assert place == shared.get(f"/latents/tiny.ball-0/mesh?{SMALL}").content


def test_half_of_two_latents_is_the_middle_of_their_line(shared: TestClient) -> None:
    place = unpacked(shared.get(f"/mesh?at={HALF}&{SMALL}").content)
    line = unpacked(shared.get(f"/mesh?a=tiny.ball-0&b=tiny.ball-1&t=0.5&{SMALL}").content)
    assert place.volume == pytest.approx(line.volume, rel=1e-3)


def test_a_direction_adds_its_amount(shared: TestClient) -> None:
    """pc1's own step is what one unit adds, so twice the unit decodes as twice the step."""
    once, twice = (theta_of(shared, {"at": f"tiny.ball-0:1,~pc1:{amount}"}) for amount in (1, 2))
    direct = theta_of(shared, {"at": "tiny.ball-0:1,~pc1:1,~pc1:1"})
    torch.testing.assert_close(direct, twice)
    assert not torch.allclose(once, twice, atol=1e-7)


def test_a_place_has_a_tag_and_a_client_that_has_it_gets_304(shared: TestClient) -> None:
    first = shared.get(f"/mesh?at={HALF}&{SMALL}")
    again = shared.get(f"/mesh?at={HALF}&{SMALL}", headers={"if-none-match": first.headers["etag"]})
    other = shared.get(f"/mesh?at=tiny.ball-0:0.4,tiny.ball-1:0.6&{SMALL}")
    assert again.status_code == 304
    assert other.headers["etag"] != first.headers["etag"]


def test_a_kept_place_is_a_latent_like_any_other(client: TestClient) -> None:
    answer = client.post("/latents", json={"space": "tiny", "at": HALF, "name": "Half way"})
    kept = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/latents/{kept['id']}"
    assert (kept["origin"], kept["name"], kept["has_network"]) == ("place", "Half way", False)
    assert kept["properties"]["at"] == HALF
    middle = (vector(client, "tiny.ball-0") + vector(client, "tiny.ball-1")) / 2
    torch.testing.assert_close(vector(client, kept["id"]), middle)
    listed = client.get("/spaces/tiny/latents?origin=place").json()
    assert [item["id"] for item in listed["items"]] == [kept["id"]]
    assert client.get(kept["picture"]).headers["content-type"] == "image/png"
    assert client.get(f"/mesh?a={kept['id']}&b=tiny.ball-0&{SMALL}").status_code == 200
    assert_problem(client.get(f"/latents/{kept['id']}/network?of=input"), 404, "no-network")
    assert client.delete(f"/latents/{kept['id']}").status_code == 204
    assert_problem(client.get(f"/latents/{kept['id']}"), 404, "not-found")


def test_the_same_place_under_the_same_name_is_kept_once(client: TestClient) -> None:
    body = {"at": HALF, "name": "Half way"}
    first, again = (client.post("/latents", json=body) for _ in range(2))
    other = client.post("/latents", json={**body, "name": "The middle"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert first.json()["id"] == again.json()["id"] != other.json()["id"]


@pytest.mark.parametrize(
    ("at", "where", "words"),
    [
        ("tiny.ball-0", "at.0", "LATENT:WEIGHT"),
        ("tiny.ball-0:1,", "at.1", "LATENT:WEIGHT"),
        ("tiny.ball-0:1,tiny.ball-1:many", "at.1", "'tiny.ball-1:many'"),
        ("tiny.ball-0:nan", "at.0", "a number"),
        ("tiny.ball-0:9", "at.0", "from -8 to 8"),
        ("tiny.ball-0:1,~wings:1", "at.1", "pc1"),
        ("tiny.ball-0:1,~pc1:8.5", "at.1", "from -8 to 8"),
    ],
)
def test_a_bad_term_is_422_and_says_where_and_what_was_expected(
    shared: TestClient, at: str, where: str, words: str
) -> None:
    requests = (
        shared.get("/mesh", params={"at": at}),
        shared.post("/decode", json={"at": at}),
        shared.post("/latents", json={"at": at}),
    )
    for answer in requests:
        (error,) = assert_problem(answer, 422, "bad-place")["errors"]
        assert error["where"] == where
        assert words in error["message"]


def test_every_bad_term_is_named(shared: TestClient) -> None:
    errors = assert_problem(shared.get("/mesh", params={"at": "a,tiny.ball-0:1,b:x"}), 422, "bad-place")["errors"]
    assert [error["where"] for error in errors] == ["at.0", "at.2"]


def test_too_many_terms_or_directions_alone_are_422(shared: TestClient) -> None:
    many = ",".join(["tiny.ball-0:0.1"] * 17)
    assert (
        "1 to 16 terms, got 17" in assert_problem(shared.get("/mesh", params={"at": many}), 422, "bad-place")["detail"]
    )
    alone = assert_problem(shared.get("/mesh", params={"at": "~pc1:1"}), 422, "bad-place")
    assert "at least one latent" in alone["detail"]


def test_an_unknown_latent_is_404_and_its_term_is_named(shared: TestClient) -> None:
    answer = shared.get("/mesh", params={"at": "tiny.ball-0:1,tiny.gone:1"})
    assert "term 2" in assert_problem(answer, 404, "not-found")["detail"]


def test_a_place_in_another_space_than_said_is_422(shared: TestClient) -> None:
    assert_problem(shared.post("/decode", json={"space": "other", "at": HALF}), 422, "different-spaces")


@pytest.mark.parametrize(
    "query",
    ["at=tiny.ball-0:1&a=tiny.ball-0", "at=tiny.ball-0:1&t=0.5", "at=tiny.ball-0:1&of=weights", "b=tiny.ball-0"],
)
def test_a_mesh_is_of_one_place(shared: TestClient, query: str) -> None:
    assert_problem(shared.get(f"/mesh?{query}"), 422, "invalid-request")


def test_a_network_compared_with_itself_is_the_same(shared: TestClient) -> None:
    same = shared.post("/compare", json={"a": "tiny.ball-0", "b": "tiny.ball-0:1"}).json()
    assert (same["iou"], same["latent_distance"]) == (1, 0)
    assert same["f_score"] == pytest.approx(1, abs=1e-3)
    assert same["volume_a"] == same["volume_b"] > 0


def test_two_networks_are_compared_the_same_from_either_side(shared: TestClient) -> None:
    a, b = "tiny.ball-0", "tiny.ball-0:1,~pc1:4"
    there, back = (shared.post("/compare", json={"a": x, "b": y}).json() for x, y in ((a, b), (b, a)))
    for name in ("iou", "chamfer", "f_score", "latent_distance"):
        assert there[name] == pytest.approx(back[name], abs=1e-6)
    assert there["volume_a"] == back["volume_b"]
    assert_problem(shared.post("/compare", json={"a": a, "b": "nope"}), 404, "not-found")


def test_directions_say_what_they_are_worth(shared: TestClient) -> None:
    found = shared.get("/spaces/tiny/directions").json()["directions"]
    assert [one["name"] for one in found] == ["pc1", "pc2"], "three latents have two principal axes and no regression"
    for one in found:
        assert one.keys() == {"name", "title", "kind", "r2", "low", "high", "unit", "deviation"}
        assert one["kind"] == "component"
        assert one["unit"] == "standard deviations"
    assert sum(one["r2"] for one in found) == pytest.approx(1)
    assert_problem(shared.get("/spaces/nope/directions"), 404, "not-found")


@pytest.mark.parametrize("projection", ["pca", "tsne"])
def test_a_map_holds_the_gallery_and_all_else_and_its_gallery_never_moves(
    client: TestClient, small_files: list[bytes], projection: str
) -> None:
    url = f"/spaces/tiny/map?projection={projection}"
    before = client.get(url).json()
    made = client.post("/embed", files={"file": ("x.pt", small_files[0])}).json()
    after = client.get(url).json()
    assert after["projection"] == projection
    assert projection in {one["name"] for one in after["projections"]}
    assert len(after["axes"]) == 2
    assert before["points"] == after["points"][:3]
    assert [point[0] for point in after["points"]] == ["tiny.ball-0", "tiny.ball-1", "tiny.nothing", made["id"]]
    if projection == "pca":
        assert after["points"][3][1:] == made["position"]


def test_an_unknown_projection_is_422(shared: TestClient) -> None:
    assert_problem(shared.get("/spaces/tiny/map?projection=round"), 422, "invalid-request")
