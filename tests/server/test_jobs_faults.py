"""Workers and services that die, with processes of their own, on SQLite."""

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import faults
import httpx
import pytest
from classifiers import image_folder
from fastapi.testclient import TestClient
from faults import LONG, database_file, ended, fast, job_of, state_of, under_way
from tiny_classifiers import make_classifiers
from work import process, services_of, until

from server.app import create_app
from server.settings import Settings

pytestmark = pytest.mark.faults


def test_a_worker_killed_at_any_moment_costs_a_chunk(service: TestClient, tmp_path: Path) -> None:
    faults.check_a_worker_killed_at_any_moment_costs_a_chunk(service, tmp_path / "steps.log")


@pytest.fixture
def teaching(settings_in: Callable[..., Settings], tmp_path: Path) -> Iterator[TestClient]:
    """A service with a space of classifiers, and with images."""
    make_classifiers(tmp_path / "spaces" / "cifar")
    images = image_folder(tmp_path / "images")
    settings = settings_in(tmp_path, spaces=tmp_path / "spaces", images=images, evaluation_images=20)
    with TestClient(create_app(fast(settings))) as opened:
        yield opened


LESSON = {"objective": "distill", "start": "cifar.net-0", "steps": 600, "images": 8, "validation": 10, "seed": 7}


def test_a_worker_killed_while_it_distils_costs_a_chunk(teaching: TestClient, tmp_path: Path) -> None:
    asked = {**LESSON, "patience": 10_000}
    faults.check_a_worker_killed_at_any_moment_costs_a_chunk(teaching, tmp_path / "steps.log", **asked)


def test_a_stalled_worker_loses_its_job_and_cannot_write(service: TestClient) -> None:
    faults.check_a_stalled_worker_loses_its_job_and_cannot_write(service)


def test_a_poisoned_job_is_given_up_and_the_next_is_done(service: TestClient) -> None:
    faults.check_a_poisoned_job_is_given_up_and_the_next_is_done(service)


def test_a_worker_that_is_told_to_stop_hands_its_job_to_another(service: TestClient) -> None:
    faults.check_a_worker_that_is_told_to_stop_hands_its_job_to_another(service)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_cancelling_takes_effect_within_two_seconds_of_the_workers_time(service: TestClient) -> None:
    """Counted in the time that the worker computes, which another program on the machine cannot lengthen."""
    job = job_of(service, steps=10_000)
    with process(services_of(service).settings.model_copy(update={"chunk_seconds": 2.0})) as worker:
        until(lambda: under_way(service, job))
        before = cpu_seconds(worker.pid)
        service.post(f"/jobs/{job}/cancel")
        until(lambda: ended(service, job))
        assert cpu_seconds(worker.pid) - before < 2.0 * (os.cpu_count() or 1)
    assert state_of(service, job)["status"] == "cancelled"
    found = state_of(service, job)["result"]
    assert service.get(f"/latents/{found}").json()["properties"]["value"] == state_of(service, job)["value"]


def most_at_once(service: TestClient, asked: list[str]) -> int:
    """The most jobs that were seen running at one moment, until all are done."""
    jobs, most = services_of(service).jobs, 0
    while found := jobs.active():
        most = max(most, sum(job.status == "running" for job in found))
        time.sleep(0.02)
    assert all(state_of(service, job)["status"] == "done" for job in asked)
    return most


@pytest.mark.parametrize(("workers", "limits", "most"), [(1, {"jobs_per_worker": 2}, 2), (2, {"jobs_at_once": 1}, 1)])
def test_no_more_jobs_run_at_once_than_one_worker_and_all_of_them_may(
    service: TestClient, workers: int, limits: dict[str, int], most: int
) -> None:
    settings = fast(services_of(service).settings).model_copy(update={"worker_timeout": 60.0, **limits})
    with ExitStack() as running:
        for _ in range(workers):
            running.enter_context(process(settings))
        until(lambda: len(services_of(service).jobs.beats()) == workers)
        asked = [job_of(service, steps=200, seed=seed) for seed in range(4)]
        assert most_at_once(service, asked) == most


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
    job = job_of(service, steps=5 * faults.STEPS)
    settings = fast(services_of(service).settings).model_copy(update={"worker_timeout": 60.0})
    with process(settings, CLOCK), process(settings, CLOCK):
        until(lambda: ended(service, job), seconds=480)
    assert state_of(service, job)["status"] == "done"
    assert state_of(service, job)["seconds"] >= 2, "the clock jumps every second: it must have while the job ran"
    assert faults.deaths_of(service, job) == 0


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
    assert faults.deaths_of(service, job) == 1
