"""What an operator sees of the service, and what not."""

import asyncio
import json
import re
import runpy
import sys
import time

import pytest
import structlog
from answers import assert_problem
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from tiny import TINY, ball
from work import attributes

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.settings import Settings
from server.watch import LAG_EVERY, Metrics, configure_logs


def test_a_request_is_one_log_line_by_route_without_ids_names_or_content(client: TestClient) -> None:
    files = {"file": ("secret-name.pt", network_bytes(TINY, ball(TINY, 0.6)))}
    with capture_logs() as lines:
        latent = client.post("/embed", files=files, data={"name": "secret-title"}).json()["id"]
        client.get(f"/latents/{latent}")
        client.get("/secret-path")
    requests = [line for line in lines if line["event"] == "request"]
    routes = [("POST", "/embed", 201), ("GET", "/latents/{latent_id}", 200), ("GET", "none", 404)]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == routes
    assert not re.search(f"secret|{re.escape(latent)}", str(lines))


def test_every_answer_has_its_own_request_id(shared: TestClient) -> None:
    ids = [
        shared.get(path, headers={"X-Request-ID": "mine"}).headers["x-request-id"] for path in ("/spaces", "/nothing")
    ]
    assert all(re.fullmatch(r"[0-9a-f]{16}", found) for found in ids)
    assert ids[0] != ids[1]


def test_a_failure_is_logged_under_the_request_id_that_the_client_got(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("server.frames.network_meshes", fail)
    with (
        TestClient(create_app(settings), raise_server_exceptions=False) as client,
        capture_logs() as lines,
    ):
        answer = client.get("/latents/tiny.ball-0/mesh")
    assert_problem(answer, 500, "internal-server-error")
    (failure,) = [line for line in lines if line["event"] == "request failed"]
    assert failure["request_id"] == answer.headers["x-request-id"]
    assert failure["route"] == "/latents/{latent_id}/mesh"


def value(text: str, sample: str) -> float:
    return float(next(line for line in text.splitlines() if line.startswith(sample + " ")).split()[-1])


def test_metrics_count_requests_by_route_and_status(client: TestClient) -> None:
    for path in ("/spaces", "/spaces", "/latents/none", "/no/such/path"):
        client.get(path)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert value(answer.text, 'netspace_requests_total{method="GET",route="/spaces",status="200"}') == 2
    assert value(answer.text, 'netspace_requests_total{method="GET",route="/latents/{latent_id}",status="404"}') == 1
    assert value(answer.text, 'netspace_request_seconds_count{method="GET",route="/spaces"}') == 2
    assert value(answer.text, 'netspace_queue{worker="tiny"}') == 0
    assert value(answer.text, 'netspace_queue{worker="reader"}') == 0
    assert value(answer.text, "netspace_device_memory_bytes") >= 0
    assert value(answer.text, 'netspace_jobs{status="queued"}') == 0
    assert "/no/such/path" not in answer.text


def test_metrics_tell_the_states_of_jobs_and_how_many_meshes_are_made_together(client: TestClient) -> None:
    for resolution in (16, 17, 18, 18):
        client.get(f"/latents/tiny.ball-0/mesh?resolution={resolution}")
    paths = [client.post("/jobs", json=attributes()).headers["location"] for _ in range(3)]
    client.post(f"{paths[0]}/cancel")
    text = client.get("/metrics").text
    assert value(text, 'netspace_jobs{status="queued"}') == 2
    assert value(text, 'netspace_jobs{status="cancelled"}') == 1
    assert value(text, 'netspace_batch_size_count{space="tiny"}') == 3
    assert value(text, 'netspace_batch_size_bucket{le="1",space="tiny"}') == 3
    assert value(text, 'netspace_batch_size_sum{space="tiny"}') == 3
    assert value(text, 'netspace_meshes_total{from="made"}') == 3
    assert value(text, 'netspace_meshes_total{from="kept"}') == 1


def test_metrics_tell_how_late_the_event_loop_is() -> None:
    async def scenario() -> None:
        measured = Metrics()
        task = asyncio.create_task(measured.measure_lag())
        await asyncio.sleep(0)
        await asyncio.sleep(LAG_EVERY * 5)
        time.sleep(0.3)  # what a loop should never do
        await asyncio.sleep(LAG_EVERY * 2)
        task.cancel()
        told = generate_latest(measured.registry).decode()
        late = value(told, "netspace_loop_lag_seconds_count") - value(
            told, 'netspace_loop_lag_seconds_bucket{le="0.2"}'
        )
        assert late >= 1
        assert value(told, "netspace_loop_lag_seconds_sum") > 0.25

    asyncio.run(scenario())


def test_ready_says_503_and_why_when_the_database_does_not_answer(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OperationalError("select", {}, Exception("disk I/O error"))

    monkeypatch.setattr("server.store.Store.check", broken)
    assert "expected a database" in assert_problem(client.get("/readyz"), 503)["detail"]
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "reason", ["database is locked", "database or disk is full", "attempt to write a readonly database"]
)
def test_a_database_that_fails_is_503_in_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("INSERT INTO latents", {"name": "secret"}, Exception(reason))

    monkeypatch.setattr("server.store.Store.add", broken)
    with capture_logs() as lines:
        answer = client.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))})
    assert_problem(answer, 503, "service-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert "INSERT" not in answer.text
    assert reason in str(lines)
    assert "secret" not in str(lines)


@pytest.mark.parametrize("as_json", [True, False])
def test_logs_are_json_for_machines_or_text_for_people(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        configure_logs(as_json)
        structlog.get_logger().info("hello", route="/spaces")
        line = capsys.readouterr().out
        assert "hello" in line
        assert line.startswith("{") is as_json
    finally:
        structlog.reset_defaults()


def test_a_workers_log_is_json_for_machines_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETSPACE_LOG_JSON", "true")
    monkeypatch.setattr(sys, "argv", ["server.jobs"])
    monkeypatch.setattr("netspace.runtime.keep_freed_memory", lambda: None)
    monkeypatch.setattr("server.jobs.worker.work", lambda *_: structlog.get_logger().info("hello"))
    try:
        runpy.run_module("server.jobs", run_name="__main__")
        assert json.loads(capsys.readouterr().out)["event"] == "hello"
    finally:
        structlog.reset_defaults()
