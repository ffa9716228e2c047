"""A worker: takes jobs from the queue, says that it lives, and hands out anew what dead workers have left."""

import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy.exc import OperationalError

from netspace.runtime import pick_device
from server.images import Images
from server.jobs.queue import VERSION, queue_url
from server.jobs.runner import Runner
from server.jobs.store import JobStore
from server.jobs.tables import Job
from server.jobs.zoo import open_shards, requeue_shards, serve_shards
from server.registry import Registry
from server.settings import Settings
from server.store import Store

QUEUE = "jobs"
TICK = 0.25
"""Seconds between two looks at the tables."""
GRACE = 4.0
"""Seconds that a worker waits, when it is stopped, for the steps in hand."""
BEHIND = 10
"""How much nicer than the service, where both have the same cores: somebody waits for each of its answers."""


class Watch:
    """Which workers live: those whose count of heartbeats has moved within `timeout` seconds of this process' own
    monotonic clock. No wall clock is read, and none of another machine."""

    def __init__(self, timeout: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout, self._clock = timeout, clock
        self._seen: dict[str, tuple[int, float]] = {}

    def alive(self, beats: Mapping[str, int]) -> set[str]:
        """`beats` by worker, as the table has them now. One that is seen for the first time lives until the timeout."""
        at = self._clock()
        for worker, count in beats.items():
            if self._seen.get(worker, (None, 0))[0] != count:
                self._seen[worker] = (count, at)
        self._seen = {worker: seen for worker, seen in self._seen.items() if worker in beats}
        return {worker for worker, (_, moved) in self._seen.items() if at - moved < self._timeout}


def workflow_id(job: Job) -> str:
    """Every run of a job is a workflow of its own, so that a late one can neither end nor disturb the next."""
    return f"{job.id}.{job.run}"


class Worker:
    """`run` returns after `stop`, or, with a `parent`, when that process is gone and no job is left to do."""

    def __init__(self, settings: Settings, parent: int | None = None) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings, self._parent = settings, parent
        self._store = Store(settings.database_url)
        self._jobs = JobStore(self._store.engine)
        self._registry = Registry.open(
            settings.spaces, settings.device, Images(settings.images, settings.evaluation_images)
        )
        self._watch = Watch(settings.worker_timeout)
        self._stopping = threading.Event()
        self._running: set[tuple[str, int]] = set()
        self._runner = Runner(self.id, self._registry, self._jobs, settings, self._stopping)
        self._log = structlog.get_logger().bind(worker=self.id)

    def stop(self, *_: object) -> None:
        """From any thread, or as a signal's handler: runs end after the step in hand and are handed back."""
        self._stopping.set()

    def run(self) -> None:
        self._jobs.beat(self.id)
        self._launch()
        self._log.info("worker started")
        beaten = time.monotonic()
        while not self._stopping.wait(TICK):
            try:
                if time.monotonic() - beaten > self._settings.worker_timeout / 5:
                    self._jobs.beat(self.id)
                    beaten = time.monotonic()
                    requeue_shards(self._alive())
                self.look()
            except OperationalError as error:
                self._log.warning("database did not answer", error=str(error.orig))
            if self._orphaned() and not self._jobs.active():
                self._log.info("the service is gone and no job is left")
                self.stop()
        self._close()

    def _launch(self) -> None:
        config: DBOSConfig = {
            "name": "netspace",
            "system_database_url": queue_url(self._settings.database_url),
            "application_version": VERSION,
            "executor_id": self.id,
            "log_level": "ERROR",
            "notification_listener_polling_interval_sec": 1.0,
        }
        DBOS(config=config)

        def optimise(job_id: str, run: int) -> None:
            self._work(job_id, run)

        self._workflow = DBOS.workflow(name="optimise", max_recovery_attempts=None)(optimise)
        serve_shards(str(pick_device(self._settings.device)))
        DBOS.launch()
        open_shards(TICK)
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._settings.jobs_per_worker,
            global_concurrency=max(self._settings.jobs_at_once, self._settings.jobs_per_worker),
            polling_interval_sec=TICK,
            on_conflict="always_update",
        )

    def _work(self, job_id: str, run: int) -> None:
        """The workflow. It has no steps of its own: chunks are recorded with their events in one transaction."""
        self._running.add((job_id, run))
        try:
            if not self._stopping.is_set():
                self._runner.run(job_id, run)
        finally:
            self._running.discard((job_id, run))

    def _alive(self) -> set[str]:
        return self._watch.alive(self._jobs.beats()) | {self.id}

    def look(self) -> None:
        """Brings the queue to what the tables say. Any number of workers may do so at the same time."""
        active = self._jobs.active()
        if not active:
            return
        alive = self._alive()
        flows = DBOS.list_workflows(
            workflow_ids=[workflow_id(job) for job in active], load_input=False, load_output=False
        )
        known = {flow.workflow_id: flow for flow in flows}
        for job in active:
            flow = known.get(workflow_id(job))
            if job.status == "queued" and flow is None:
                with SetWorkflowID(workflow_id(job)):
                    DBOS.enqueue_workflow(QUEUE, self._workflow, job.id, job.run)
            elif job.status == "queued" and flow is not None and flow.status == "PENDING" and flow.executor_id in alive:
                continue  # about to be claimed
            elif job.status == "queued" and flow is not None and flow.status != "ENQUEUED":
                self._take_over(job, died=False)
            elif job.status == "running" and job.owner not in alive:
                self._take_over(job, died=True)
            elif job.owner == self.id and (job.id, job.run) not in self._running:
                self._take_over(job, died=False)

    def _take_over(self, job: Job, *, died: bool) -> None:
        """Gives the job to the next run. The last one's writes are refused from here on."""
        self._log.warning("job handed out anew", job=job.id, run=job.run, owner=job.owner, died=died)
        self._jobs.hand_back(job.id, job.run, died=died)
        DBOS.cancel_workflow(workflow_id(job))
        if died and job.owner is not None:
            self._jobs.retire(job.owner)

    def _orphaned(self) -> bool:
        return self._parent is not None and os.getppid() != self._parent

    def _close(self) -> None:
        deadline = time.monotonic() + GRACE
        while self._running and time.monotonic() < deadline:
            time.sleep(0.05)
        self._log.info("worker stopped", unfinished=len(self._running))
        DBOS.destroy()
        try:
            self._jobs.retire(self.id)
        except OperationalError as error:
            self._log.warning("database did not answer", error=str(error.orig))
        self._registry.close()
        self._store.close()


def work(settings: Settings | None = None, parent: int | None = None) -> None:
    """Works until the process is told to stop (SIGTERM or SIGINT); beside a service (`parent`) it gives way."""
    if parent is not None and hasattr(os, "nice"):
        os.nice(BEHIND)
    worker = Worker(settings or Settings(), parent)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, worker.stop)
    worker.run()
