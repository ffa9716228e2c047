"""The life of a job in the database: who may change what, and what is never written twice."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sqlalchemy.exc import OperationalError
from work import job_in, snapshot

from netspace.data.clouds import Cloud
from netspace.errors import NetSpaceError, UnknownName
from server.errors import LatentInUse, QueueFull, WrongState
from server.jobs.queue import queue_url
from server.jobs.store import MOST_DEATHS, Fenced, Happening, JobStore
from server.jobs.tables import Job
from server.jobs.worker import Watch
from server.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{tmp_path}/x.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def jobs(store: Store) -> JobStore:
    return JobStore(store.engine)


def claimed(jobs: JobStore, job: Job, owner: str = "one") -> Job:
    found = jobs.claim(job.id, job.run, owner)
    assert found is not None
    return found


def numbers(jobs: JobStore, job: Job) -> list[int]:
    return [event.number for event in jobs.events_after(job.id, 0)[0]]


PROGRESS = Happening("progress", {"step": 1})


def test_a_job_goes_from_queued_to_running_to_done(jobs: JobStore) -> None:
    job = claimed(jobs, job_in(jobs))
    assert (job.status, job.owner) == ("running", "one")
    jobs.record(job, [PROGRESS], step=3)
    jobs.record(job, status="done")
    assert (jobs.find(job.id).status, jobs.find(job.id).step) == ("done", 3)
    assert numbers(jobs, job) == [1, 2, 3]


def test_a_run_is_claimed_once(jobs: JobStore) -> None:
    job = job_in(jobs)
    claimed(jobs, job)
    assert jobs.claim(job.id, job.run, "two") is None


def test_a_worker_whose_job_was_taken_over_can_write_nothing(jobs: JobStore, store: Store) -> None:
    late = claimed(jobs, job_in(jobs))
    jobs.hand_back(late.id, late.run, died=True)
    current = claimed(jobs, jobs.find(late.id), "two")
    with pytest.raises(Fenced):
        jobs.record(late, [PROGRESS], [snapshot("late")], step=9, status="done")
    assert store.find("late") is None
    assert jobs.find(late.id).step == 0
    jobs.record(current, [PROGRESS], step=2)
    assert jobs.find(late.id).step == 2
    assert numbers(jobs, late) == [1, 2, 3, 4, 5]


def test_a_record_whose_answer_was_lost_is_not_written_twice(jobs: JobStore) -> None:
    job = claimed(jobs, job_in(jobs))
    again = claimed_copy(job)
    jobs.record(job, [PROGRESS])
    with pytest.raises(Fenced):
        jobs.record(again, [PROGRESS])
    assert numbers(jobs, job) == [1, 2, 3]


def claimed_copy(job: Job) -> Job:
    return Job(id=job.id, run=job.run, owner=job.owner, events=job.events)


def test_a_record_that_fails_leaves_nothing(jobs: JobStore) -> None:
    job = claimed(jobs, job_in(jobs))
    jobs.record(job, [PROGRESS], [snapshot("a")])
    with pytest.raises(Exception, match="UNIQUE"):
        jobs.record(job, [PROGRESS], [snapshot("a")], step=7)
    assert jobs.find(job.id).step == 0
    assert numbers(jobs, job) == [1, 2, 3]


def test_a_failed_job_keeps_the_last_latent_that_it_showed(jobs: JobStore, store: Store) -> None:
    job = claimed(jobs, job_in(jobs))
    late = claimed_copy(job)
    jobs.record(job, [PROGRESS], [snapshot("best")], snapshot="best")
    with pytest.raises(Fenced):
        jobs.fail(late, "no reason")
    jobs.fail(job, "out of memory")
    ended = jobs.find(job.id)
    assert (ended.status, ended.detail, ended.result) == ("failed", "out of memory", "best")
    assert store.count("tiny", "m") == 1
    assert jobs.resume(job.id).result is None


def test_handing_back_twice_is_handing_back_once(jobs: JobStore) -> None:
    job = claimed(jobs, job_in(jobs))
    for _ in range(3):
        jobs.hand_back(job.id, job.run, died=True)
    assert (jobs.find(job.id).run, jobs.find(job.id).deaths) == (2, 1)


def test_a_job_that_kills_its_workers_is_given_up_with_the_reason(jobs: JobStore, store: Store) -> None:
    job = job_in(jobs)
    for death in range(MOST_DEATHS):
        job = claimed(jobs, jobs.find(job.id), f"worker {death}")
        if death == 0:
            jobs.record(job, [], [snapshot("best")], snapshot="best", step=4)
        jobs.hand_back(job.id, job.run, died=True)
    ended = jobs.find(job.id)
    assert ended.status == "failed"
    assert ended.detail == "its worker died 3 times while running it, last after step 4; given up"
    assert ended.result == "best"
    assert store.page("tiny", "m", 0, 10)[0].id == "best"


def test_a_worker_that_stops_costs_a_job_nothing(jobs: JobStore) -> None:
    job = job_in(jobs)
    for _ in range(5):
        job = claimed(jobs, jobs.find(job.id))
        jobs.hand_back(job.id, job.run, died=False)
    assert (jobs.find(job.id).status, jobs.find(job.id).deaths) == ("queued", 0)


def test_cancelling_a_waiting_job_ends_it_and_a_running_one_is_told(jobs: JobStore) -> None:
    waiting, running = job_in(jobs), claimed(jobs, job_in(jobs))
    assert jobs.cancel(waiting.id).status == "cancelled"
    assert jobs.cancel(running.id).status == "running"
    assert jobs.record(running) is True


def test_cancelling_a_job_that_waits_for_another_run_keeps_its_best_latent(jobs: JobStore, store: Store) -> None:
    job = claimed(jobs, job_in(jobs))
    jobs.record(job, [], [snapshot("best")], snapshot="best")
    jobs.hand_back(job.id, job.run, died=False)
    assert store.count("tiny", "m") == 0
    assert jobs.cancel(job.id).result == "best"
    assert store.count("tiny", "m") == 1


def test_only_what_has_ended_too_early_can_be_resumed(jobs: JobStore) -> None:
    job = job_in(jobs)
    with pytest.raises(WrongState, match="cancelled or failed, it is queued"):
        jobs.resume(job.id)
    jobs.cancel(job.id)
    with pytest.raises(WrongState, match="queued or running, it is cancelled"):
        jobs.cancel(job.id)
    again = jobs.resume(job.id)
    assert (again.status, again.run, again.cancel) == ("queued", 2, False)
    assert jobs.claim(job.id, 1, "late") is None


def test_more_jobs_than_may_wait_are_refused(jobs: JobStore) -> None:
    first = job_in(jobs)
    with pytest.raises(QueueFull, match="fewer than 1"):
        jobs.submit(Job(space="s", model="m", name="n", objective="o", request={}, steps=1), 1)
    claimed(jobs, first)
    jobs.submit(Job(space="s", model="m", name="n", objective="o", request={}, steps=1), 1)


def test_a_latent_that_a_job_needs_is_not_deleted(jobs: JobStore, store: Store) -> None:
    store.add(snapshot("start"))
    job = claimed(jobs, job_in(jobs, start_latent="start"))
    jobs.record(job, [], [snapshot("shown")], snapshot="shown")
    for latent in ("start", "shown"):
        with pytest.raises(LatentInUse, match=job.id):
            jobs.delete_latent(latent)
    jobs.record(job, status="done")
    jobs.delete_latent("start")
    assert store.find("start") is None


def test_events_are_read_from_any_number_on(jobs: JobStore) -> None:
    job = claimed(jobs, job_in(jobs))
    jobs.record(job, [PROGRESS] * 5)
    assert [event.number for event in jobs.events_after(job.id, 4)[0]] == [5, 6, 7]
    assert [event.number for event in jobs.events_after(job.id, 0, limit=2)[0]] == [1, 2]
    assert jobs.events_after(job.id, 7) == ([], False)
    jobs.record(job, status="done")
    assert jobs.events_after(job.id, 7) == ([], True)
    assert jobs.events_after(job.id, 0, limit=2)[1] is False


@pytest.mark.parametrize("job_id", ["nope", "", "\0", "🪑"])
def test_an_unknown_job_is_unknown(job_id: str, jobs: JobStore) -> None:
    for call in (jobs.find, jobs.cancel, jobs.resume, jobs.cloud):
        with pytest.raises(UnknownName):
            call(job_id)


def test_points_survive_the_database_and_are_kept_once(jobs: JobStore) -> None:
    cloud = Cloud(torch.randn(20, 3), torch.randn(20, 3))
    first, again = jobs.add_cloud(cloud, "a"), jobs.add_cloud(cloud, "b")
    assert (first.id, again.name) == (again.id, "a")
    found = jobs.cloud(first.id)
    assert torch.equal(found.points, cloud.points)
    assert found.normals is not None
    assert torch.equal(found.normals, cloud.normals)
    assert jobs.add_cloud(Cloud(cloud.points), "c").id != first.id


def test_a_worker_lives_as_long_as_its_count_moves_whatever_the_clocks_say(
    jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 0.0
    watch = Watch(10, lambda: at)
    for minute in range(5):
        monkeypatch.setattr("time.time", lambda jump=minute: (-1) ** jump * 1e9)
        jobs.beat("moving")
        if minute == 0:
            jobs.beat("still")
        assert "moving" in watch.alive(jobs.beats())
        at += 6.0
    assert watch.alive(jobs.beats()) == {"moving"}
    jobs.retire("moving")
    assert watch.alive(jobs.beats()) == set()


def test_a_worker_that_was_away_and_beats_again_lives_again(jobs: JobStore) -> None:
    at = 0.0
    watch = Watch(10, lambda: at)
    jobs.beat("one")
    watch.alive(jobs.beats())
    at = 11.0
    assert watch.alive(jobs.beats()) == set()
    jobs.beat("one")
    assert watch.alive(jobs.beats()) == {"one"}


def test_a_locked_database_is_an_error_and_no_half_of_a_record(jobs: JobStore, tmp_path: Path) -> None:
    job = claimed(jobs, job_in(jobs))
    with jobs._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError, match="locked"):
        jobs.record(job, [PROGRESS], step=5)
    other.execute("ROLLBACK")
    assert jobs.find(job.id).step == 0
    jobs.record(job, [PROGRESS], step=5)
    assert numbers(jobs, job) == [1, 2, 3]


def test_a_database_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.sqlite") as old:
        old.execute(
            "CREATE TABLE latents (id VARCHAR(32) PRIMARY KEY, space VARCHAR(64), model VARCHAR(64), "
            "sha256 VARCHAR(64), name VARCHAR(255), created_at DATETIME, architecture JSON, iou FLOAT, "
            "represented BOOLEAN, verdict VARCHAR, x FLOAT, y FLOAT, properties JSON, vector BLOB, network BLOB, "
            "picture BLOB)"
        )
        values = "'a', 's', 'm', 'h', 'n', '2026-01-01 00:00:00', '{}', 1, 1, 'v', 0, 0, '{}', '', '', ''"
        old.execute(f"INSERT INTO latents VALUES ({values})")
    store = Store(f"sqlite:///{tmp_path}/old.sqlite")
    found = store.find("a")
    assert found is not None
    assert found.origin == "upload"
    assert store.count("s", "m") == 1
    store.close()


def test_the_queue_lies_beside_the_database() -> None:
    assert queue_url("sqlite:////data/netspace.sqlite") == "sqlite:////data/netspace-queue.sqlite"
    assert queue_url("postgresql+psycopg://u:secret@h/db") == "postgresql+psycopg://u:secret@h/db"
    with pytest.raises(NetSpaceError, match="a file or a server"):
        queue_url("sqlite://")
