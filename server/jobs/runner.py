"""One run of a job: chunks of steps, each recorded in one transaction before the next begins."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from netspace.errors import NetSpaceError
from netspace.lso import State, Update, finished, optimise
from server.jobs.problem import Problem, candidates, latent_of, problem_of
from server.jobs.store import Fenced, Happening, JobStore, state_event
from server.jobs.tables import Job
from server.registry import Registry
from server.settings import Settings
from server.store import StoredLatent

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds for which a run waits for a database that is locked, full or away."""
ASK_EVERY = 0.25
"""Seconds between two looks at whether the job is cancelled."""
LATENT_EVERY = 3.0
"""Seconds of computing between two latents that can be looked at."""


@dataclass
class Chunk:
    """Steps that were done since the last record."""

    state: State
    seconds: float = 0.0
    curve: list[list[float]] = field(default_factory=list)  # [step, loss, value or -1]
    last: Update | None = None

    def add(self, update: Update) -> None:
        self.state, self.last = update.state, update
        if update.value is not None:
            self.curve.append([int(update.state.step), update.loss, update.value])


@dataclass(frozen=True)
class Runner:
    """Runs jobs for the worker `owner` until `stopping`. Its database calls wait for a locked or full database."""

    owner: str
    registry: Registry
    jobs: JobStore
    settings: Settings
    stopping: threading.Event

    def run(self, job_id: str, run: int) -> None:
        """The whole life of one run; returns when the job has ended, was handed back, or belongs to another run."""
        log = structlog.get_logger().bind(job=job_id, run=run, worker=self.owner)
        job = self._patiently(lambda: self.jobs.claim(job_id, run, self.owner))
        if job is None:
            return
        try:
            self._go_on(job)
        except Fenced:
            log.warning("job was taken over by another worker")
        except NetSpaceError as error:
            self._fail(job, f"{error.title}: {error}")
        except OperationalError:
            raise  # the database is gone for long: the run counts as lost, and is handed out again
        except Exception as error:
            log.error("job failed", exc_info=error)
            self._fail(job, f"{type(error).__name__}: {error}")

    def _go_on(self, job: Job) -> None:
        if job.cancel:
            self._end(job, None, None, "cancelled")
            return
        problem = problem_of(job, self.registry, self.jobs)
        chunk = self._start(job, problem)
        while chunk is not None and self._record(job, problem, chunk):
            chunk = self._compute(job, problem, chunk.state)

    def _start(self, job: Job, problem: Problem) -> Chunk | None:
        """What is recorded first: the state so far, or that of a start at the best candidate. None if it is to stop.

        Nothing is kept of a start that was not compared to the end: another run must find the same one.
        """
        if job.state is not None:
            return Chunk(State.from_bytes(job.state).to(problem.space.space.device))
        began, best = time.monotonic(), None
        for part in candidates(job, problem.space):
            state = problem.begin(part)
            best = state if best is None or state.best_value < best.best_value else best
            if self._patiently(lambda: self.jobs.record(job)):
                self._end(job, None, None, "cancelled")
                return None
            if self.stopping.is_set():
                self._patiently(lambda: self.jobs.hand_back(job.id, job.run, died=False))
                return None
        assert best is not None
        return Chunk(best, time.monotonic() - began)

    def _compute(self, job: Job, problem: Problem, state: State) -> Chunk:
        """Steps for about `chunk_seconds`, or until the job is cancelled: at least one unless it is finished."""
        chunk, began, asked = Chunk(state), time.monotonic(), 0.0
        for update in optimise(problem.objective, problem.prior, problem.config, state):
            chunk.add(update)
            chunk.seconds = time.monotonic() - began
            if chunk.seconds >= self.settings.chunk_seconds or self.stopping.is_set():
                break
            if chunk.seconds - asked >= ASK_EVERY:
                asked = chunk.seconds
                if self._patiently(lambda: self.jobs.find(job.id).cancel):
                    break
        return chunk

    def _record(self, job: Job, problem: Problem, chunk: Chunk) -> bool:
        """Writes a chunk; False if that was the job's last. Raises Fenced."""
        seconds = job.seconds + chunk.seconds
        looked = int(job.seconds / LATENT_EVERY) < int(seconds / LATENT_EVERY)
        over = finished(problem.config, chunk.state)
        happened, latents = self._progress(job, chunk), []
        changes: dict[str, Any] = {
            "state": chunk.state.to_bytes(),
            "step": int(chunk.state.step),
            "value": float(chunk.state.best_value),
            "seconds": seconds,
        }
        if chunk.last is not None:
            changes["deaths"] = 0  # a job that gets on is not what kills its workers
        if looked and not over and int(chunk.state.best_step) > 0:
            shown = latent_of(job, problem, chunk.state, final=False)
            latents, changes["snapshot"] = [shown], shown.id
            happened.append(Happening("latent", {"latent": shown.id, "step": int(chunk.state.step)}))
        cancelled = self._patiently(lambda: self.jobs.record(job, happened, latents, **changes))
        job.seconds, job.step = seconds, int(chunk.state.step)
        if over:
            return self._end(job, problem, chunk.state, "done", self._reason(problem, chunk.state))
        if cancelled:
            return self._end(job, problem, chunk.state, "cancelled")
        if seconds >= self.settings.max_job_seconds:
            limit = (
                f"ended at its limit of {self.settings.max_job_seconds:g} s of computing, with the best latent so far"
            )
            return self._end(job, problem, chunk.state, "done", limit)
        if self.stopping.is_set():
            self._patiently(lambda: self.jobs.hand_back(job.id, job.run, died=False))
            return False
        return True

    def _progress(self, job: Job, chunk: Chunk) -> list[Happening]:
        """The event of a chunk; none for a state that was recorded before."""
        if chunk.last is None and job.state is not None:
            return []
        data = {
            "step": int(chunk.state.step),
            "steps": job.steps,
            "value": float(chunk.state.best_value),
            "seconds": round(job.seconds + chunk.seconds, 3),
            "terms": {} if chunk.last is None else chunk.last.terms,
            "curve": chunk.curve,
        }
        return [Happening("progress", data)]

    def _reason(self, problem: Problem, state: State) -> str:
        if int(state.step) >= problem.config.steps:
            return ""
        return f"ended early: no better latent in {problem.config.patience} steps"

    def _end(self, job: Job, problem: Problem | None, state: State | None, status: str, detail: str = "") -> bool:
        """Ends the job with its best latent as the result; always False, as `_record` wants it."""
        changes: dict[str, Any] = {"status": status, "detail": detail, "owner": None}
        latents: list[StoredLatent] = []
        if problem is None and job.state is not None:
            problem, state = problem_of(job, self.registry, self.jobs), State.from_bytes(job.state)
            state = state.to(problem.space.space.device)
        if problem is not None and state is not None:
            found = latent_of(job, problem, state, final=True)
            latents, changes["result"], changes["snapshot"] = [found], found.id, found.id
        happened = [state_event(status, detail=detail, result=changes.get("result"))]
        self._patiently(lambda: self.jobs.record(job, happened, latents, **changes))
        return False

    def _fail(self, job: Job, detail: str) -> None:
        best = self._best_recorded(job)
        try:
            self._patiently(lambda: self.jobs.fail(job, detail, best))
        except Fenced:
            structlog.get_logger().warning("failed job was taken over by another worker", job=job.id)

    def _best_recorded(self, job: Job) -> StoredLatent | None:
        """The best latent of the last record, where it can still be decoded: what failed the job may be in the way."""
        try:
            recorded = self._patiently(lambda: self.jobs.find(job.id, state=True))
            if recorded.state is None:
                return None
            problem = problem_of(recorded, self.registry, self.jobs)
            state = State.from_bytes(recorded.state).to(problem.space.space.device)
            return latent_of(recorded, problem, state, final=True)
        except Exception as error:
            structlog.get_logger().warning(
                "failed job has no latent", job=job.id, error=f"{type(error).__name__}: {error}"
            )
            return None

    def _patiently(self, change: Callable[[], T]) -> T:
        """The result of a transaction, tried again while the database does not take it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return change()
            except OperationalError as error:
                if time.monotonic() > deadline:
                    raise
                structlog.get_logger().warning(
                    "database did not take a record", worker=self.owner, error=str(error.orig)
                )
                time.sleep(0.5)
