"""What is known of jobs, in the same database as the latents."""

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, DateTime, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from server.store import Base, new_id, now

Status = Literal["queued", "running", "done", "failed", "cancelled"]
ACTIVE = ("queued", "running")


class Job(Base):
    """One optimisation.

    `run` counts how often the job was handed to a worker and is the fencing token: who writes must name the current
    one. `client` is the hash of the token of whoever asked for it (server/owners.py), `owner` the worker that runs it.
    `deaths` counts workers that died of it since it last got on. `state` is a `netspace.lso.State` after `step` steps.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=lambda: new_id())
    space: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    objective: Mapped[str] = mapped_column(String(32))
    request: Mapped[dict[str, Any]] = mapped_column(JSON)
    start_latent: Mapped[str | None] = mapped_column(String(200), index=True)
    teacher: Mapped[str | None] = mapped_column(String(200))
    start_vector: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime, index=True, default=lambda: now())
    updated_at: Mapped[datetime] = mapped_column(DateTime, default=lambda: now())
    status: Mapped[str] = mapped_column(String(16), index=True, default="queued")
    detail: Mapped[str] = mapped_column(Text, default="")
    run: Mapped[int] = mapped_column(default=1)
    owner: Mapped[str | None] = mapped_column(String(128))
    deaths: Mapped[int] = mapped_column(default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int]
    value: Mapped[float | None]
    seconds: Mapped[float] = mapped_column(default=0.0)
    events: Mapped[int] = mapped_column(default=0)
    snapshot: Mapped[str | None] = mapped_column(String(32))
    result: Mapped[str | None] = mapped_column(String(32))
    client: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class Event(Base):
    """The `number`-th thing that happened to a job, from 1 on without a gap."""

    __tablename__ = "job_events"

    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)


class WorkerBeat(Base):
    """A worker's heartbeat: a count that only it raises, so that no two clocks are ever compared."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    beats: Mapped[int] = mapped_column(BigInteger)


class PointCloud(Base):
    """Points that jobs can fit: float32 [N, 3], and normals like them or nothing. Named by their content."""

    __tablename__ = "point_clouds"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    count: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime, default=lambda: now())
    points: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    normals: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
