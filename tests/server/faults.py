"""What must hold of jobs and workers whatever the database; imported by a module for each kind of database."""

import random
import signal
import time
from pathlib import Path
from typing import Any

import torch
from fastapi.testclient import TestClient
from sqlalchemy import select
from work import attributes, process, run_here, services_of, until

from server.jobs.tables import Event
from server.settings import Settings
from server.store import vector_from

STEPS = 300
LONG = attributes(steps=STEPS, seed=3)


def fast(settings: Settings) -> Settings:
    """Short chunks and an impatient watch."""
    return settings.model_copy(update={"chunk_seconds": 0.2, "worker_timeout": 2.0})


def job_of(service: TestClient, **changes: Any) -> str:
    """Of the request LONG, changed; of another one if that is given as a whole."""
    answer = service.post("/jobs", json=changes if "objective" in changes else {**LONG, **changes})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def state_of(service: TestClient, job: str) -> dict[str, Any]:
    return service.get(f"/jobs/{job}").json()


def vector_of(service: TestClient, job: str) -> torch.Tensor:
    found = services_of(service).store.find(state_of(service, job)["result"])
    assert found is not None
    return vector_from(found.vector)


def undisturbed(service: TestClient, **asked: Any) -> torch.Tensor:
    """The latent of the same request, run in this process without a disturbance."""
    job = job_of(service, **asked)
    run_here(services_of(service))
    return vector_of(service, job)


def progress_of(service: TestClient, job: str) -> list[int]:
    """The steps that were told, after a check that events have no gap."""
    with services_of(service).jobs._session() as session:
        events = session.scalars(select(Event).filter_by(job=job).order_by(Event.number)).all()
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event.data["step"] for event in events if event.kind == "progress"]


def deaths_of(service: TestClient, job: str) -> int:
    """How often it was queued anew since its worker had died."""
    with services_of(service).jobs._session() as session:
        events = session.scalars(select(Event).filter_by(job=job, kind="state")).all()
    return sum(event.data.get("after") == "worker died" for event in events)


def under_way(service: TestClient, job: str, steps: int = 20) -> bool:
    found = state_of(service, job)
    assert found["status"] in ("queued", "running"), found
    return found["step"] >= steps


def ended(service: TestClient, job: str) -> bool:
    return state_of(service, job)["status"] in ("done", "failed", "cancelled")


COUNTED = """
import server.jobs.runner as runner
from server.jobs.store import JobStore
log = open({log!r}, "a", buffering=1)
print("life", file=log)
steps, write = runner.optimise, JobStore.record
def optimise(*args):
    for update in steps(*args):
        print(int(update.state.step), file=log)
        yield update
def record(self, *args, **changes):
    cancelled = write(self, *args, **changes)
    if "step" in changes:
        print("record", file=log)
    return cancelled
runner.optimise, JobStore.record = optimise, record
from server.jobs.worker import work
work()
"""
"""A worker that tells in a file which steps it computes and when they are recorded."""


def check_at_most_a_chunk_was_repeated(log: Path, steps: int) -> None:
    """Every step was computed, and twice only what a worker had not recorded when it was killed."""
    computed: set[int] = set()
    lost: set[int] = set()
    for life in log.read_text().split("life\n")[1:]:
        here = {int(line) for line in life.split() if line != "record"}
        assert here & computed <= lost, "a step was repeated that had been recorded"
        computed, lost = computed | here, {int(line) for line in life.rpartition("record\n")[2].split()}
    assert computed == set(range(1, steps + 1))


def check_a_worker_killed_at_any_moment_costs_a_chunk(service: TestClient, log: Path, **asked: Any) -> None:
    """kill -9, as soon as it has the job and then on its way, more often than a job without progress may lose its
    worker: the same latent as undisturbed, at most a chunk repeated, no event twice."""
    steps, rng = asked.get("steps", STEPS), random.Random(0)
    expected = undisturbed(service, **asked)
    job, settings = job_of(service, **asked), fast(services_of(service).settings)
    code = COUNTED.format(log=str(log))
    for share in (0.0, 0.1, 0.3, 0.5):
        with process(settings, code) as worker:
            until(lambda: state_of(service, job)["status"] == "running")
            until(lambda share=share: under_way(service, job, int(share * steps)))
            time.sleep(0.2 * rng.random())
            worker.kill()
    with process(settings, code):
        until(lambda: ended(service, job))
    assert state_of(service, job)["status"] == "done", state_of(service, job)
    torch.testing.assert_close(vector_of(service, job), expected, atol=1e-5, rtol=0)
    told = progress_of(service, job)
    assert told == sorted(set(told))
    assert told[-1] == steps
    check_at_most_a_chunk_was_repeated(log, steps)


def check_a_stalled_worker_loses_its_job_and_cannot_write(service: TestClient) -> None:
    """Two workers; the one that has the job is stopped (SIGSTOP): the other takes over, and when the first wakes up its
    writes are refused."""
    expected, settings = undisturbed(service), fast(services_of(service).settings)
    jobs = services_of(service).jobs
    with process(settings) as one, process(settings) as two:
        until(lambda: len(jobs.beats()) == 2)
        job = job_of(service)
        until(lambda: under_way(service, job))
        owner = jobs.find(job).owner or ""
        stalled = one if f"-{one.pid}-" in owner else two
        stalled.send_signal(signal.SIGSTOP)
        until(lambda: jobs.find(job).owner not in (None, owner))
        stalled.send_signal(signal.SIGCONT)
        until(lambda: ended(service, job))
        until(lambda: owner in jobs.beats())
        assert stalled.poll() is None, "it has dropped the job and lives on"
    assert state_of(service, job)["status"] == "done"
    torch.testing.assert_close(vector_of(service, job), expected, atol=1e-5, rtol=0)
    steps = progress_of(service, job)
    assert steps == sorted(set(steps))


POISON = """
import os
import server.jobs.runner as runner
plain = runner.problem_of
def crash(job, *rest):
    if job.name == "poison":
        os._exit(1)
    return plain(job, *rest)
runner.problem_of = crash
from server.jobs.worker import work
work()
"""


def check_a_poisoned_job_is_given_up_and_the_next_is_done(service: TestClient) -> None:
    """It ends the process of every worker that touches it."""
    job, settings = job_of(service, name="poison"), fast(services_of(service).settings)
    for _ in range(3):
        with process(settings, POISON) as worker:
            until(lambda worker=worker: worker.poll() == 1)
    other = job_of(service, steps=20)
    with process(settings, POISON):
        until(lambda: ended(service, job) and ended(service, other))
    failed = state_of(service, job)
    assert failed["status"] == "failed"
    assert "died 3 times" in failed["detail"]
    assert state_of(service, other)["status"] == "done"


def check_a_worker_that_is_told_to_stop_hands_its_job_to_another(service: TestClient) -> None:
    job, settings = job_of(service), fast(services_of(service).settings)
    with process(settings) as worker:
        until(lambda: under_way(service, job))
        worker.terminate()
        assert worker.wait(60) == 0
    handed = state_of(service, job)
    assert handed["status"] == "queued"
    assert handed["step"] >= 20
    assert services_of(service).jobs.beats() == {}
    with process(settings):
        until(lambda: ended(service, job))
    assert state_of(service, job)["status"] == "done"
    assert deaths_of(service, job) == 0


def database_file(settings: Settings) -> Path:
    return Path(settings.database_url.removeprefix("sqlite:///"))
