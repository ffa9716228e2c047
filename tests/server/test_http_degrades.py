"""Disks that are full, folders that may not be written, uploads that stop half-way: told in words, and it goes on."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from starlette.types import Message
from tiny import TINY, ball
from work import services_of

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.settings import Settings
from server.uploads import BodyLimit


def upload(radius: float) -> dict[str, Any]:
    return {"file": ("a.pt", network_bytes(TINY, ball(TINY, radius)))}


def pragma(client: TestClient, text: str) -> int:
    with services_of(client).store.engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {text}").scalar_one()


def test_a_full_disk_is_503_in_words_and_the_rest_is_answered(client: TestClient) -> None:
    """SQLite answers `database or disk is full` when its file may not grow."""
    pragma(client, f"max_page_count = {pragma(client, 'page_count')}")
    answers = [client.post("/embed", files=upload(0.5 + 0.01 * i)) for i in range(3)]
    assert_problem(answers[-1], 503, "service-unavailable")
    assert answers[-1].headers["retry-after"]
    assert client.get("/latents/tiny.ball-0/mesh?resolution=16").status_code == 200
    pragma(client, "max_page_count = 1000000")
    assert client.post("/embed", files=upload(0.5)).status_code in (200, 201)


def test_a_database_that_takes_no_changes_is_not_ready_but_read(client: TestClient) -> None:
    store = services_of(client).store
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.commit()
    assert "expected a database" in assert_problem(client.get("/readyz"), 503)["detail"]
    assert_problem(client.post("/embed", files=upload(0.5)), 503, "service-unavailable")
    assert client.get("/latents/tiny.ball-0").status_code == 200


def test_a_temporary_folder_that_is_full_is_503_in_words(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile.write", full)
    answer = client.post("/embed", files=upload(0.5))
    assert "cannot be kept" in assert_problem(answer, 503, "service-unavailable")["detail"]
    assert answer.headers["retry-after"]


def test_checkpoints_are_never_written_to(settings_in: Callable[..., Settings], tmp_path: Path) -> None:
    settings = settings_in(tmp_path)

    def state() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in settings.spaces.rglob("*")}

    before = state()
    with TestClient(create_app(settings)) as client:
        assert client.post("/embed", files=upload(0.5)).status_code == 201
        assert client.get("/latents/tiny.ball-0/picture").status_code == 200
        assert client.get("/readyz").status_code == 200
    assert state() == before


def quiet_body(pieces: list[bytes]) -> Callable[[], Any]:
    """What a client sends that goes quiet half-way."""
    left = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def answered(receive: Callable[[], Any], app: Any) -> int:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/embed", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"]


def test_an_upload_that_stops_half_way_is_given_up(client: TestClient) -> None:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def read(request: Request) -> Response:
        return Response(await request.body())

    app = BodyLimit(Starlette(routes=[Route("/embed", read, methods=["POST"])]), limit=1000, patience=0.05)
    assert asyncio.run(answered(quiet_body([b"PK"]), app)) == 408
    assert client.get("/healthz").status_code == 200
