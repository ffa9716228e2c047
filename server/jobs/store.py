"""Jobs in the database: every change of state is one transaction, and says in its condition what it changes from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

import numpy as np
import torch
from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, undefer

from netspace.data.clouds import Cloud
from netspace.errors import UnknownName
from netspace.mesh import as_float32
from server.errors import LatentInUse, PointsInUse, QueueFull, WrongState
from server.jobs.tables import ACTIVE, Event, Job, PointCloud, Status, WorkerBeat
from server.store import StoredLatent, now

MOST_DEATHS = 3
"""Workers that may die of a job, without a step recorded between, before it counts as what kills them."""


class Fenced(Exception):
    """The job has been handed to another run since: this one may not write any more."""


@dataclass(frozen=True)
class Happening:
    """An event to be: `kind` is state, progress or latent."""

    kind: str
    data: Mapping[str, Any]


def state_event(status: str, **more: Any) -> Happening:
    return Happening("state", {"status": status, **more})


class JobStore:
    """Safe to call from any thread and any number of processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False)

    # What clients ask for

    def submit(self, job: Job, queue_length: int) -> Job:
        """Raises QueueFull if so many wait already."""
        with self._session() as session, session.begin():
            waiting = session.scalar(select(func.count()).select_from(Job).filter_by(status="queued")) or 0
            if waiting >= queue_length:
                raise QueueFull(
                    f"expected fewer than {queue_length} jobs to be waiting, there are {waiting}; try later"
                )
            session.add(job)
            session.flush()
            self._tell(session, job.id, [state_event("queued")])
        return self.find(job.id)

    def find(self, job_id: str, *, state: bool = False) -> Job:
        """Raises UnknownName. `state`: with its tensors, which are not read otherwise."""
        if "\0" not in job_id:  # which Postgres refuses to compare
            with self._session() as session:
                found = session.get(Job, job_id, options=[undefer(Job.state)] if state else [])
                if found is not None:
                    return found
        raise UnknownName(f"no job {job_id!r}")

    def page(
        self, offset: int, limit: int, status: str | None = None, owner: str | None = None
    ) -> tuple[int, Sequence[Job]]:
        """(total, jobs [offset : offset + limit]) of one client and of everyone, newest first."""
        everyone = Job.client.is_(None)
        where: list[ColumnElement[bool]] = [everyone if owner is None else everyone | (Job.client == owner)]
        where += [Job.status == status] if status else []
        ordered = select(Job).where(*where).order_by(Job.created_at.desc(), Job.id).offset(offset).limit(limit)
        with self._session() as session:
            total = session.scalar(select(func.count()).select_from(Job).where(*where)) or 0
            return total, session.scalars(ordered).all()

    def counts(self) -> dict[str, int]:
        """Jobs by status."""
        with self._session() as session:
            found = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
        return dict.fromkeys(get_args(Status), 0) | {status: count for status, count in found}

    def events_after(self, job_id: str, number: int, limit: int = 500) -> tuple[Sequence[Event], bool]:
        """(events after `number`, whether they are the last that will be unless the job is resumed)."""
        wanted = select(Event).filter_by(job=job_id).where(Event.number > number).order_by(Event.number).limit(limit)
        with self._session() as session, session.begin():
            job = session.get(Job, job_id)
            found = session.scalars(wanted).all()
        last = found[-1].number if found else number
        return found, job is None or (job.status not in ACTIVE and last >= job.events)

    def cancel(self, job_id: str) -> Job:
        """Ends a waiting job at once; a running one is ended by its worker. Raises UnknownName and WrongState."""
        with self._session() as session, session.begin():
            waiting = self._change(
                session, [Job.id == job_id, Job.status == "queued"], status="cancelled", result=Job.snapshot
            )
            if waiting is not None:
                self._list_result(session, waiting)
                self._tell(session, job_id, [state_event("cancelled", result=waiting.result)])
            elif self._change(session, [Job.id == job_id, Job.status == "running"], cancel=True) is None:
                self._refuse(job_id, "queued or running")
        return self.find(job_id)

    def resume(self, job_id: str) -> Job:
        """Queues a cancelled or failed job, to go on where it stopped. Raises UnknownName and WrongState."""
        ended = [Job.id == job_id, Job.status.in_(("cancelled", "failed"))]
        fresh = {"deaths": 0, "cancel": False, "owner": None, "detail": "", "result": None}
        with self._session() as session, session.begin():
            if self._change(session, ended, status="queued", run=Job.run + 1, **fresh) is None:
                self._refuse(job_id, "cancelled or failed")
            self._tell(session, job_id, [state_event("queued")])
        return self.find(job_id)

    def delete(self, job_id: str) -> None:
        """Forgets a job that is over, with its events and the latents on its way; its result stays.

        Raises UnknownName and WrongState.
        """
        over = delete(Job).where(Job.id == job_id, Job.status.not_in(ACTIVE)).returning(Job.id)
        of_job = StoredLatent.sha256.startswith(f"{job_id}.", autoescape=True)
        with self._session() as session, session.begin():
            if session.scalar(over) is None:
                self._refuse(job_id, "done, failed or cancelled")
            session.execute(delete(Event).filter_by(job=job_id))
            session.execute(delete(StoredLatent).where(StoredLatent.origin == "snapshot", of_job))

    def _refuse(self, job_id: str, expected: str) -> None:
        raise WrongState(f"job {job_id!r}: expected it to be {expected}, it is {self.find(job_id).status}")

    def delete_latent(self, latent_id: str) -> None:
        """Raises LatentInUse where a job that is not over starts from it, shows it or learns from it."""
        with self._session() as session, session.begin():
            named = (Job.start_latent == latent_id) | (Job.snapshot == latent_id) | (Job.teacher == latent_id)
            using = select(Job.id).where(Job.status.in_(ACTIVE), named)
            job = session.scalar(using.limit(1))
            if job is not None:
                raise LatentInUse(f"latent {latent_id!r} is used by job {job!r}; cancel the job, or wait for its end")
            session.execute(delete(StoredLatent).filter_by(id=latent_id))

    # What workers do

    def network(self, latent_id: str) -> bytes | None:
        """The uploaded network of a latent as safetensors, empty where it is no upload."""
        with self._session() as session:
            return session.scalar(select(StoredLatent.network).filter_by(id=latent_id))

    def claim(self, job_id: str, run: int, owner: str) -> Job | None:
        """The job, now run by `owner`; None if this run is not waiting any more."""
        waiting = [Job.id == job_id, Job.run == run, Job.status == "queued"]
        with self._session() as session, session.begin():
            if self._change(session, waiting, status="running", owner=owner) is None:
                return None
            self._tell(session, job_id, [state_event("running")])
        return self.find(job_id, state=True)

    def record(
        self,
        job: Job,
        happened: Sequence[Happening] = (),
        latents: Sequence[StoredLatent] = (),
        **changes: Any,
    ) -> bool:
        """Writes what a run has done, whole or not at all; whether the job is to be cancelled. Raises Fenced.

        The number of events is part of the condition, so that a record whose answer was lost is not written twice.
        """
        with self._session() as session, session.begin():
            changed = self._change(session, _still_of(job), **changes)
            if changed is None:
                raise Fenced(f"job {job.id} run {job.run}")
            session.add_all(latents)
            self._tell(session, job.id, happened)
            cancel = changed.cancel
        job.events += len(happened)
        return cancel

    def fail(self, job: Job, detail: str, best: StoredLatent | None = None) -> None:
        """Ends a run's job with its best latent, or else the last one that it showed, as its result. Raises Fenced."""
        changes: dict[str, Any] = {"status": "failed", "detail": detail, "owner": None, "result": Job.snapshot}
        if best is not None:
            changes |= {"result": best.id, "snapshot": best.id}
        with self._session() as session, session.begin():
            session.add_all([best] if best is not None else [])
            changed = self._change(session, _still_of(job), **changes)
            if changed is None:
                raise Fenced(f"job {job.id} run {job.run}")
            self._list_result(session, changed)
            self._tell(session, job.id, [state_event("failed", detail=detail, result=changed.result)])

    def hand_back(self, job_id: str, run: int, *, died: bool) -> None:
        """Queues a job anew, under the next run, or fails it if too many workers have died of it.

        Does nothing where the job has moved on meanwhile.
        """
        with self._session() as session, session.begin():
            same = [Job.id == job_id, Job.run == run, Job.status.in_(ACTIVE)]
            job = self._change(session, same, run=Job.run + 1, owner=None, deaths=Job.deaths + int(died))
            if job is None:
                return
            if job.deaths >= MOST_DEATHS:
                detail = f"its worker died {job.deaths} times while running it, last after step {job.step}; given up"
                self._change(session, [Job.id == job_id], status="failed", detail=detail, result=Job.snapshot)
                self._list_result(session, job)
                self._tell(session, job_id, [state_event("failed", detail=detail, result=job.snapshot)])
            else:
                self._change(session, [Job.id == job_id], status="queued")
                self._tell(session, job_id, [state_event("queued", after="worker died" if died else "worker stopped")])

    def active(self) -> Sequence[Job]:
        """Jobs that wait or run, oldest first."""
        with self._session() as session:
            return session.scalars(select(Job).where(Job.status.in_(ACTIVE)).order_by(Job.created_at, Job.id)).all()

    def beat(self, worker: str) -> None:
        with self._session() as session, session.begin():
            raised = update(WorkerBeat).filter_by(id=worker).values(beats=WorkerBeat.beats + 1)
            if not session.execute(raised).rowcount:  # type: ignore[attr-defined]
                session.add(WorkerBeat(id=worker, beats=1))

    def beats(self) -> dict[str, int]:
        with self._session() as session:
            return {row.id: row.beats for row in session.scalars(select(WorkerBeat))}

    def retire(self, worker: str) -> None:
        """Its heartbeat is not waited for any more."""
        with self._session() as session, session.begin():
            session.execute(delete(WorkerBeat).filter_by(id=worker))

    # Points

    def add_cloud(self, cloud: Cloud, name: str) -> PointCloud:
        """The stored points; the same points again are the same row."""
        points = as_float32(cloud.points).tobytes()
        normals = None if cloud.normals is None else as_float32(cloud.normals).tobytes()
        digest = hashlib.sha256(points + b"normals" + (normals or b"")).hexdigest()
        row = PointCloud(id=digest, name=name, count=len(cloud.points), points=points, normals=normals)
        try:
            with self._session() as session, session.begin():
                session.add(row)
        except IntegrityError:
            with self._session() as session, session.begin():
                known = session.get_one(PointCloud, digest)
                known.created_at = now()  # its time begins anew
                return known
        return row

    def delete_cloud(self, cloud_id: str) -> None:
        """Raises UnknownName, and PointsInUse where a job that is not over fits the points."""
        with self._session() as session, session.begin():
            if "\0" in cloud_id or session.get(PointCloud, cloud_id) is None:
                raise UnknownName(f"no uploaded points {cloud_id!r}")
            job = session.scalar(select(Job.id).where(_fits(cloud_id)).limit(1))
            if job is not None:
                raise PointsInUse(f"points {cloud_id!r} are used by job {job!r}; cancel the job, or wait for its end")
            session.execute(delete(PointCloud).filter_by(id=cloud_id))

    def forget_before(self, moment: datetime) -> int:
        """Number of points and ended jobs older than `moment` (UTC), which are gone now, with what the jobs found.

        What a job that is not over still needs stays.
        """
        with self._session() as session, session.begin():
            old = (Job.updated_at < moment) & Job.status.not_in(ACTIVE)
            jobs = session.scalars(delete(Job).where(old).returning(Job.id)).all()
            session.execute(delete(Event).where(Event.job.in_(jobs)))
            shown = select(Job.id).where(Job.status.in_(ACTIVE), Job.snapshot == StoredLatent.id)
            found = StoredLatent.origin.in_(("job", "snapshot")) & (StoredLatent.created_at < moment)
            session.execute(delete(StoredLatent).where(found, ~shown.exists()))
            unused = (PointCloud.created_at < moment) & ~select(Job.id).where(_fits(PointCloud.id)).exists()
            clouds = session.scalars(delete(PointCloud).where(unused).returning(PointCloud.id)).all()
        return len(jobs) + len(clouds)

    def cloud(self, cloud_id: str) -> Cloud:
        """Raises UnknownName."""
        with self._session() as session:
            wanted = [undefer(PointCloud.points), undefer(PointCloud.normals)]
            row = None if "\0" in cloud_id else session.get(PointCloud, cloud_id, options=wanted)
        if row is None:
            raise UnknownName(f"no uploaded points {cloud_id!r}")
        return Cloud(_rows(row.points), None if row.normals is None else _rows(row.normals))

    # Within a transaction

    def _change(self, session: Session, where: Sequence[Any], **changes: Any) -> Job | None:
        """The one job that meets the conditions after the change, or None. Takes the row's lock first of all."""
        changed = update(Job).where(*where).values(updated_at=now(), **changes).returning(Job)
        return session.scalar(changed, execution_options={"synchronize_session": False, "populate_existing": True})

    def _tell(self, session: Session, job_id: str, happened: Sequence[Happening]) -> None:
        """Appends events; the job's row is locked by then, so that numbers have no gaps."""
        if not happened:
            return
        raised = update(Job).where(Job.id == job_id).values(events=Job.events + len(happened)).returning(Job.events)
        last = session.scalar(raised, execution_options={"synchronize_session": False}) or 0
        first = last - len(happened) + 1
        rows = [
            {"job": job_id, "number": first + i, "kind": one.kind, "data": dict(one.data)}
            for i, one in enumerate(happened)
        ]
        session.execute(insert(Event), rows)

    def _list_result(self, session: Session, job: Job) -> None:
        """The last snapshot becomes a latent that pages list."""
        if job.snapshot is not None:
            session.execute(update(StoredLatent).filter_by(id=job.snapshot).values(origin="job"))


def _fits(cloud_id: Any) -> Any:
    """Of jobs that wait or run and fit these points."""
    return Job.status.in_(ACTIVE) & (Job.request["upload"].as_string() == cloud_id)


def _still_of(job: Job) -> list[Any]:
    """The conditions under which a run may write: its own number, its worker, and the events that it knows of."""
    mine = [Job.id == job.id, Job.run == job.run, Job.owner == job.owner, Job.status == "running"]
    return [*mine, Job.events == job.events]


def _rows(content: bytes) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(content, "<f4").astype(np.float32).reshape(-1, 3))
