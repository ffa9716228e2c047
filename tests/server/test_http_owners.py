"""Whose an upload, a kept place or a job is: of the client whose token made it, or everyone's."""

from pathlib import Path

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, inspect
from work import attributes, run_here, services_of

from server.app import create_app
from server.settings import Settings

MINE, OTHERS = ({"X-NetSpace-Owner": letter * 20} for letter in "ab")
PLACE = {"at": "tiny.ball-0:1", "name": "here"}


def listed(client: TestClient, headers: dict[str, str]) -> set[str]:
    """Ids in the list of latents, which the map agrees with."""
    items = client.get("/spaces/tiny/latents", headers=headers).json()["items"]
    points = client.get("/spaces/tiny/map", headers=headers).json()["points"]
    assert [item["id"] for item in items] == [point[0] for point in points]
    return {item["id"] for item in items if item["origin"] != "gallery"}


def test_what_was_made_with_a_token_is_listed_for_it_alone(client: TestClient, small_files: list[bytes]) -> None:
    file = {"file": ("x.pt", small_files[0])}
    mine, others, everyones = (
        client.post("/embed", files=file, headers=headers).json() for headers in (MINE, OTHERS, {})
    )
    place = client.post("/latents", json=PLACE, headers=MINE).json()
    assert listed(client, MINE) == {mine["id"], place["id"], everyones["id"]}
    assert listed(client, OTHERS) == {others["id"], everyones["id"]}
    assert listed(client, {}) == {everyones["id"]}
    assert (mine["shared"], everyones["shared"]) == (False, True)


def test_the_same_file_of_one_owner_is_one_latent(client: TestClient, small_files: list[bytes]) -> None:
    file = {"file": ("x.pt", small_files[0])}
    answers = [client.post("/embed", files=file, headers=headers) for headers in (MINE, OTHERS, MINE)]
    assert [answer.status_code for answer in answers] == [201, 201, 200]
    ids = [answer.json()["id"] for answer in answers]
    assert ids[0] == ids[2] != ids[1]


def test_who_knows_an_id_may_look_but_only_its_owner_deletes(client: TestClient) -> None:
    path = client.post("/latents", json=PLACE, headers=MINE).headers["location"]
    for headers in (OTHERS, {}):
        assert client.get(path, headers=headers).status_code == 200
        detail = assert_problem(client.delete(path, headers=headers), 403, "not-yours")["detail"]
        assert "X-NetSpace-Owner" in detail
    assert client.delete(path, headers=MINE).status_code == 204


def test_a_job_and_its_result_belong_to_who_asked(client: TestClient) -> None:
    path = client.post("/jobs", json=attributes(), headers=MINE).headers["location"]
    for action in (client.post(f"{path}/cancel"), client.post(f"{path}/resume", headers=OTHERS), client.delete(path)):
        assert_problem(action, 403, "not-yours")
    run_here(services_of(client))
    assert listed(client, MINE) == {client.get(path).json()["result"]}
    assert listed(client, OTHERS) == set()
    assert [client.get("/jobs", headers=headers).json()["total"] for headers in (MINE, OTHERS, {})] == [1, 0, 0]


@pytest.mark.parametrize("token", ["short", "x" * 129, "has spaces in it, as it were", "dots.are.not.tokens.either"])
def test_what_is_no_token_is_422(shared: TestClient, token: str) -> None:
    answer = shared.get("/spaces/tiny/latents", headers={"X-NetSpace-Owner": token})
    assert_problem(answer, 422, "invalid-request")


def test_the_token_itself_is_kept_nowhere(settings: Settings, tmp_path: Path) -> None:
    with TestClient(create_app(settings)) as client:
        client.post("/latents", json=PLACE, headers=MINE)
        client.post("/jobs", json=attributes(), headers=MINE)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"tiny" in kept
    assert MINE["X-NetSpace-Owner"].encode() not in kept


def test_a_database_of_an_older_version_is_everyones(settings: Settings) -> None:
    with TestClient(create_app(settings)) as client:
        kept = client.post("/latents", json=PLACE).json()["id"]
    engine = create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE latents DROP COLUMN owner")
        connection.exec_driver_sql("ALTER TABLE jobs DROP COLUMN client")
    with TestClient(create_app(settings)) as client:
        assert listed(client, MINE) == {kept}
    assert "owner" in {column["name"] for column in inspect(engine).get_columns("latents")}
    engine.dispose()
