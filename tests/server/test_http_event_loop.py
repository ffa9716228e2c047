"""Heavy work and the event loop."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from netspace.mesh import network_meshes
from server.app import create_app
from server.compute import Worker, while_connected
from server.errors import Busy
from server.settings import Settings
from server.uploads import BodyLimit

PATIENCE = 60
"""Seconds after which a test that hangs fails; none waits for it otherwise."""


def test_the_server_answers_while_a_mesh_is_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        begun.set()
        assert go_on.wait(PATIENCE)
        return network_meshes(*given)

    monkeypatch.setattr("server.frames.network_meshes", slow)

    async def scenario() -> None:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as http,
        ):
            mesh = asyncio.create_task(http.get("/latents/tiny.ball-0/mesh?resolution=16"))
            assert await asyncio.to_thread(begun.wait, PATIENCE)
            for path in ("/healthz", "/spaces", "/spaces/tiny/latents", "/latents/tiny.ball-0"):
                assert (await http.get(path)).status_code == 200
            assert not mesh.done()
            go_on.set()
            assert (await mesh).status_code == 200

    asyncio.run(scenario())


def test_work_of_a_client_that_has_left_never_begins() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def occupy() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def scenario() -> None:
        worker = Worker("test")
        busy = asyncio.create_task(worker.run(occupy))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        with pytest.raises(HTTPException) as left:
            await while_connected(Request({"type": "http"}, gone), worker.run(done.append, "unwanted"))
        assert left.value.status_code == 499
        go_on.set()
        await busy
        await worker.run(done.append, "wanted")
        worker.close()

    asyncio.run(scenario())
    assert done == ["wanted"]


def test_what_is_refused_at_once_is_answered_at_once() -> None:
    """Even where the look-out for the client's leaving is called off when it has only begun."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    async def refuse() -> None:
        raise Busy("full")

    async def app(_: Scope, limited: Receive, __: Send) -> None:
        asked = asyncio.create_task(while_connected(Request({"type": "http"}, limited), refuse()))
        await asyncio.wait({asked}, timeout=PATIENCE)
        assert asked.done()
        assert isinstance(asked.exception(), Busy)

    async def send(_: Message) -> None: ...

    asyncio.run(BodyLimit(app, 100)({"type": "http", "headers": []}, receive, send))  # type: ignore[arg-type]


def test_a_worker_does_one_thing_at_a_time_in_order_of_arrival() -> None:
    seen: list[tuple[int, str]] = []

    async def scenario() -> None:
        worker = Worker("tiny")
        works = (worker.run(lambda i=i: seen.append((i, threading.current_thread().name))) for i in range(5))
        await asyncio.gather(*works)
        worker.close()

    asyncio.run(scenario())
    assert [i for i, _ in seen] == [0, 1, 2, 3, 4]
    assert len({name for _, name in seen}) == 1


def test_an_error_in_a_worker_reaches_whoever_asked() -> None:
    def fail() -> None:
        raise LookupError("gone")

    async def scenario() -> None:
        worker = Worker("test")
        with pytest.raises(LookupError, match="gone"):
            await worker.run(fail)
        worker.close()

    asyncio.run(scenario())


def test_alive_and_ready_are_two_questions(shared: TestClient) -> None:
    assert shared.get("/healthz").json() == {"status": "ok"}
    assert shared.get("/readyz").json() == {"status": "ready", "spaces": ["tiny"]}
