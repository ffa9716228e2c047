"""Workers and services that die, with processes of their own, on SQLite."""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import faults
import httpx
import pytest
from fastapi.testclient import TestClient
from faults import LONG, database_file, ended, fast, job_of, state_of, under_way
from work import process, services_of, until

from server.settings import Settings

pytestmark = pytest.mark.faults


def test_a_worker_killed_at_any_moment_costs_a_chunk(service: TestClient) -> None:
    faults.check_a_worker_killed_at_any_moment_costs_a_chunk(service)


def test_a_stalled_worker_loses_its_job_and_cannot_write(service: TestClient) -> None:
    faults.check_a_stalled_worker_loses_its_job_and_cannot_write(service)


def test_a_poisoned_job_is_given_up_and_the_next_is_done(service: TestClient) -> None:
    faults.check_a_poisoned_job_is_given_up_and_the_next_is_done(service)


def test_a_worker_that_is_told_to_stop_hands_its_job_to_another(service: TestClient) -> None:
    faults.check_a_worker_that_is_told_to_stop_hands_its_job_to_another(service)


def test_cancelling_takes_effect_while_a_worker_computes(service: TestClient) -> None:
    job = job_of(service, steps=10_000)
    with process(services_of(service).settings.model_copy(update={"chunk_seconds": 1.0})):
        until(lambda: under_way(service, job))
        service.post(f"/jobs/{job}/cancel")
        until(lambda: ended(service, job))
    assert state_of(service, job)["status"] == "cancelled"
    assert state_of(service, job)["result"]


def test_a_database_that_is_locked_for_a_while_delays_a_job_and_no_more(service: TestClient) -> None:
    settings = fast(services_of(service).settings)
    job = job_of(service)
    with process(settings) as worker:
        until(lambda: under_way(service, job))
        other = sqlite3.connect(database_file(settings), isolation_level=None, timeout=10)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(7)  # longer than a connection waits
        other.execute("ROLLBACK")
        until(lambda: ended(service, job))
        assert worker.poll() is None
    assert state_of(service, job)["status"] == "done"
    steps = faults.progress_of(service, job)
    assert steps == sorted(set(steps))


CLOCK = """
import time
plain, began = time.time, time.monotonic()
time.time = lambda: plain() + (86400 if int(time.monotonic() - began) % 2 else -86400)
from server.jobs.worker import work
work()
"""


def test_a_clock_that_jumps_by_days_disturbs_no_job(service: TestClient) -> None:
    """By days, which no timeout survives that reads it; the timeout itself is long, so that a busy machine cannot make
    a worker miss it for other reasons."""
    job = job_of(service)
    settings = fast(services_of(service).settings).model_copy(update={"worker_timeout": 60.0})
    with process(settings, CLOCK), process(settings, CLOCK):
        until(lambda: ended(service, job), seconds=480)
    assert state_of(service, job)["status"] == "done"
    assert state_of(service, job)["seconds"] >= 2, "the clock jumps every second: it must have while the job ran"
    assert services_of(service).jobs.find(job).deaths == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def served(settings: Settings) -> httpx.Client | None:
    client = httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=30)
    try:
        return client if client.get("/readyz").status_code == 200 else None
    except httpx.TransportError:
        return None


SERVICE = "from server.serve import serve; serve()"


@contextmanager
def service_with_a_worker(service: TestClient) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
    """Another service on the database of `service`, in a process of its own, with a worker beside it."""
    settings = fast(services_of(service).settings).model_copy(update={"port": free_port(), "worker": True})
    with process(settings, SERVICE) as server:
        yield server, until(lambda: served(settings))


def worker_of(client: httpx.Client, job: str, service: TestClient) -> int:
    """The process that runs the job."""
    until(lambda: client.get(f"/jobs/{job}").json()["step"] >= 20)
    return int((services_of(service).jobs.find(job).owner or "").rsplit("-", 2)[1])


def test_jobs_go_on_when_the_service_is_killed_and_the_worker_ends_after_them(
    service: TestClient,
) -> None:
    with service_with_a_worker(service) as (server, client):
        job = client.post("/jobs", json=LONG).json()["id"]
        worker = worker_of(client, job, service)
        server.kill()
        server.wait()
        until(lambda: ended(service, job))
        until(lambda: gone(worker), 30)
    assert state_of(service, job)["status"] == "done"


def test_the_service_takes_its_worker_along_and_leaves_the_job_to_the_next(
    service: TestClient,
) -> None:
    with service_with_a_worker(service) as (server, client):
        job = client.post("/jobs", json={**LONG, "steps": 10_000}).json()["id"]
        worker = worker_of(client, job, service)
        server.terminate()
        assert server.wait(60) == 0
        assert gone(worker)
    assert state_of(service, job)["status"] == "queued"


def test_a_worker_that_dies_is_started_again_by_its_service(service: TestClient) -> None:
    with service_with_a_worker(service) as (server, client):
        job = client.post("/jobs", json=LONG).json()["id"]
        os.kill(worker_of(client, job, service), signal.SIGKILL)
        until(lambda: ended(service, job))
        server.terminate()
        assert server.wait(60) == 0
    assert state_of(service, job)["status"] == "done"
    assert services_of(service).jobs.find(job).deaths == 1
