"""The contract of jobs without a model: each moves one chair towards another, a few steps at a time."""

import hashlib
import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch

from netspace.data.chairs import RANGES, ChairParams, between, random_params

STEPS, CHUNK, LATENT_EVERY = 400, 10, 40
PACE = 0.05
"""Seconds between two chunks."""
NEW_JOB: dict[str, Any] = {
    "status": "queued", "detail": "", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
    "step": 0, "steps": STEPS, "progress": 0.0, "value": None, "seconds": 0.0, "seconds_left": None,
    "latent": None, "result": None,
}  # fmt: skip
ACTIVE = ("queued", "running")


def _wanted(asked: dict[str, Any], start: ChairParams) -> ChairParams:
    """Where the job is to arrive."""
    if asked["objective"] == "fit_points":
        return random_params(torch.Generator().manual_seed(int(asked["upload"][:8], 16)))
    measures = {name: getattr(start, name) + t["by"] for name, t in asked["targets"].items() if name in RANGES}
    return replace(start, **measures)


class Jobs:
    """`workers`: whether queued jobs are run. `limit`: the step at which they stand still. `poison`: why the next chunk
    fails. `streams`: (job, Last-Event-ID) of every stream that was asked for."""

    def __init__(self, keep: Callable[..., None], refuse: Callable[[int, str, str, str], Exception]) -> None:
        self._keep, self._refuse = keep, refuse
        self._changed = threading.Condition(threading.RLock())
        self._ids = itertools.count(1)
        self.clear()

    def clear(self) -> None:
        """As at the start; what still runs ends."""
        with self._changed:
            self.jobs: dict[str, dict[str, Any]] = {}
            self._events: dict[str, list[dict[str, Any]]] = {}
            self._ways: dict[str, tuple[ChairParams, ChairParams]] = {}
            self._cancelled: set[str] = set()
            self.streams: list[tuple[str, int]] = []
            self.asked: list[dict[str, Any]] = []
            self.workers, self.limit, self.poison, self.full = True, STEPS, "", False
            self._cuts = 0
            self._changed.notify_all()

    # What clients ask for

    def submit(self, asked: dict[str, Any], start: ChairParams) -> dict[str, Any]:
        if self.full:
            raise self._refuse(429, "queue-full", "Too many jobs are waiting", "expected fewer than 64 jobs; try later")
        job_id = f"job-{next(self._ids)}"
        row = {"id": job_id, "space": "chairs", "name": asked["name"], "objective": asked["objective"],
               "request": asked, "start": asked.get("start")}  # fmt: skip
        with self._changed:
            self.asked.append(asked)
            self.jobs[job_id] = row | NEW_JOB
            self._events[job_id], self._ways[job_id] = [], (start, _wanted(asked, start))
            self._tell(job_id, "state", status="queued")
        self._run(job_id)
        return self.jobs[job_id]

    def find(self, job_id: str) -> dict[str, Any]:
        if job_id not in self.jobs:
            raise self._refuse(404, "not-found", "No such thing", f"no job {job_id!r}")
        return self.jobs[job_id]

    def cancel(self, job_id: str) -> dict[str, Any]:
        with self._changed:
            self._expect(job_id, *ACTIVE)
            if self.find(job_id)["status"] == "queued":
                self._end(job_id, "cancelled", "")
            self._cancelled.add(job_id)
        return self.find(job_id)

    def resume(self, job_id: str) -> dict[str, Any]:
        with self._changed:
            self._expect(job_id, "cancelled", "failed")
            self._cancelled.discard(job_id)
            self.jobs[job_id] = self.find(job_id) | {"status": "queued", "detail": ""}
            self._tell(job_id, "state", status="queued")
        self._run(job_id)
        return self.find(job_id)

    def _expect(self, job_id: str, *expected: str) -> None:
        status = self.find(job_id)["status"]
        if status not in expected:
            detail = f"job {job_id!r}: expected it to be {' or '.join(expected)}, it is {status}"
            raise self._refuse(409, "wrong-state", "The job is not in a state in which that can be done", detail)

    def over(self, job_id: str, last: int) -> bool:
        return self.find(job_id)["status"] not in ACTIVE and last >= len(self._events[job_id])

    def stream(self, job_id: str, last: int) -> Iterator[bytes]:
        """Events after `last`, until the job is over or the connection is `cut`."""
        cuts = self._cuts
        yield b"retry: 300\n\n"
        while True:
            with self._changed:
                events = self._events.get(job_id, [])[last:]
                if not events and (job_id not in self.jobs or cuts != self._cuts or self.over(job_id, last)):
                    return
                if not events:
                    self._changed.wait(1)
            for event in events:
                last = event["number"]
                yield f"id: {last}\nevent: {event['kind']}\ndata: {json.dumps(event)}\n\n".encode()

    def cut(self) -> None:
        """Ends every open stream, as a connection that breaks does."""
        with self._changed:
            self._cuts += 1
            self._changed.notify_all()

    # What workers do

    def _tell(self, job_id: str, kind: str, **data: Any) -> None:
        number = len(self._events[job_id]) + 1
        self._events[job_id].append({"job": job_id, "number": number, "kind": kind, "data": data})
        self._changed.notify_all()

    def _run(self, job_id: str) -> None:
        if self.workers:
            threading.Thread(target=self._steps, args=(job_id,), daemon=True).start()

    def _steps(self, job_id: str) -> None:
        with self._changed:
            if self.jobs.get(job_id, {}).get("status") != "queued":
                return
            self.jobs[job_id]["status"] = "running"
            self._tell(job_id, "state", status="running")
        while self._chunk(job_id):
            time.sleep(PACE)

    def _chunk(self, job_id: str) -> bool:
        """Whether there is another."""
        with self._changed:
            job = self.jobs.get(job_id)
            if job is None:
                return False
            if job_id in self._cancelled or self.poison:
                self._end(job_id, "failed" if self.poison else "cancelled", self.poison)
                return False
            if job["step"] >= self.limit:
                return True
            curve = [self._point(step) for step in range(job["step"] + 1, job["step"] + CHUNK + 1)]
            step, seconds = job["step"] + CHUNK, job["seconds"] + 1.0
            left = seconds / step * (STEPS - step)
            job |= {"step": step, "seconds": seconds, "progress": step / STEPS, "value": curve[-1][2],
                    "seconds_left": left}  # fmt: skip
            self._tell(job_id, "progress", step=step, steps=STEPS, value=job["value"], seconds=seconds, curve=curve)
            if step % LATENT_EVERY == 0:
                job["latent"] = self._latent(job, listed=False)
                self._tell(job_id, "latent", latent=job["latent"], step=step)
            if step >= STEPS:
                self._end(job_id, "done", "")
            return step < STEPS

    def _point(self, step: int) -> list[float]:
        value = 0.8 * math.exp(-step / 70) + 0.012
        return [step, value * (1.25 + 0.2 * math.sin(step * 1.7) + 0.1 * math.cos(step * 0.31)), value]

    def _latent(self, job: dict[str, Any], *, listed: bool) -> str:
        start, end = self._ways[job["id"]]
        latent_id = f"{job['id']}-{'result' if listed else 'step'}-{job['step']}"
        self._keep(latent_id, job["name"], between(start, end, min(1.0, job["step"] / STEPS)), listed=listed)
        return latent_id

    def _end(self, job_id: str, status: str, detail: str) -> None:
        job = self.jobs[job_id]
        result = self._latent(job, listed=True) if job["step"] and status != "failed" else None
        job |= {"status": status, "detail": detail, "result": result, "seconds_left": None}
        job["progress"] = 1.0 if status == "done" else job["progress"]
        self._tell(job_id, "state", status=status, detail=detail, result=result)


def points_of(name: str, content: bytes, refuse: Callable[[int, str, str, str], Exception]) -> dict[str, Any]:
    """What POST /points answers to a file, which is not looked into further than whether it is a PLY."""
    if b"ply\n" not in content:
        detail = f"{name}: cannot be read as .ply (it does not begin with 'ply')"
        raise refuse(422, "bad-point-cloud", "The points cannot be used", detail)
    digest = hashlib.sha256(content).hexdigest()
    return {"id": digest, "name": name.rsplit(".", 1)[0], "points": 2000, "normals": False}
