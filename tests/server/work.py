"""Jobs for tests, and workers to do them: in this process, or in one of their own."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from fastapi.testclient import TestClient

from server.jobs.beside import environment_of
from server.jobs.runner import Runner
from server.jobs.store import JobStore
from server.jobs.tables import Job
from server.services import Services
from server.settings import Settings
from server.store import StoredLatent

ROOT = Path(__file__).resolve().parents[2]
WORKER = "from server.jobs.worker import work; work()"


def attributes(**changes: Any) -> dict[str, Any]:
    """A request that every space can serve."""
    asked = {"objective": "attributes", "start": "tiny.ball-0", "targets": {"volume": {"by": 0.2}}, "steps": 20}
    return {**asked, "patience": 10_000, **changes}


def sphere(count: int = 300, radius: float = 0.6) -> list[list[float]]:
    direction = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    return (radius * direction / direction.norm(dim=1, keepdim=True)).tolist()


def job_in(jobs: JobStore, **changes: Any) -> Job:
    """A queued job that no service was asked for."""
    row = {"space": "tiny", "model": "m", "name": "n", "objective": "attributes", "request": {}, "steps": 10}
    return jobs.submit(Job(**{**row, **changes}), 1000)


def snapshot(latent_id: str) -> StoredLatent:
    """A latent such as a job leaves on its way."""
    return StoredLatent(
        id=latent_id,
        space="tiny",
        model="m",
        sha256=latent_id,
        name="n",
        architecture={},
        iou=1.0,
        represented=True,
        verdict="v",
        x=0.0,
        y=0.0,
        properties={},
        vector=b"",
        network=b"",
        picture=b"",
        origin="snapshot",
    )


def services_of(client: TestClient) -> Services:
    return client.app.state.services  # type: ignore[attr-defined]


def run_here(services: Services, stop_after: int | None = None, **settings: Any) -> None:
    """Does all that waits, in this process; with `stop_after`, stops like a worker that is told to after so many
    records."""
    stopping = threading.Event()
    runner = Runner("here", services.registry, services.jobs, services.settings.model_copy(update=settings), stopping)
    if stop_after is not None:
        _stop_after(services.jobs, stop_after, stopping)
    try:
        for job in services.jobs.active():
            if job.status == "queued":
                runner.run(job.id, job.run)
    finally:
        vars(services.jobs).pop("record", None)


def _stop_after(jobs: JobStore, records: int, stopping: threading.Event) -> None:
    plain, count = jobs.record, 0

    def record(*args: Any, **changes: Any) -> bool:
        nonlocal count
        cancelled = plain(*args, **changes)
        count += 1
        if count >= records:
            stopping.set()
        return cancelled

    jobs.record = record  # type: ignore[method-assign]


@contextmanager
def process(settings: Settings, code: str = WORKER) -> Iterator[subprocess.Popen]:
    """A worker, or other code, in a process of its own, which is killed when the block ends."""
    child = subprocess.Popen([sys.executable, "-c", code], env=environment_of(settings), cwd=ROOT)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGCONT)
            child.kill()
            child.wait()


def until(true: Callable[[], Any], seconds: float = 400) -> Any:
    """What `true` answers once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not true within {seconds} s")
