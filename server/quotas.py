"""Whose is what: how much a client keeps here and how many jobs it has, so that none takes everything."""

import hashlib
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import BigInteger, Engine, String, delete, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from server.errors import QuotaReached
from server.jobs.tables import ACTIVE, Job, PointCloud
from server.store import Base, StoredLatent

POINT_BYTES = 12
"""Three float32."""


class Belonging(Base):
    """A latent, points or a job and the client that brought it. Outlives the thing, and counts no more then."""

    __tablename__ = "belongings"

    thing: Mapped[str] = mapped_column(String(64), primary_key=True)
    client: Mapped[str] = mapped_column(String(32), index=True)
    size: Mapped[int] = mapped_column(BigInteger)


def client_id(name: str) -> str:
    """What is stored of a key's name or an address: enough to tell clients apart."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


async def _client(request: Request) -> str:
    return client_id(request.scope["limited_as"])


ClientOf = Annotated[str, Depends(_client)]
"""Who asks: a key wherever it comes from, else an address."""


class Quotas:
    """Safe to call from any thread. Clients that ask for two things at the same moment may get both."""

    def __init__(self, engine: Engine, upload_quota: int, jobs_per_client: int) -> None:
        self._engine = engine
        self._upload_quota, self._jobs_per_client = upload_quota, jobs_per_client

    def check_uploads(self, client: str) -> None:
        """Raises QuotaReached where the client keeps as much as it may."""
        kept = 0
        with Session(self._engine) as session:
            for table in (StoredLatent, PointCloud):
                sizes = select(func.sum(Belonging.size)).join(table, table.id == Belonging.thing)
                kept += int(session.scalar(sizes.where(Belonging.client == client)) or 0)
        if kept >= self._upload_quota:
            raise QuotaReached(
                f"expected uploads of less than {self._upload_quota} bytes from one client, {kept} are kept; "
                "delete some first"
            )

    def check_jobs(self, client: str) -> None:
        """Raises QuotaReached where so many of the client's jobs wait or run."""
        mine = select(func.count()).select_from(Belonging).join(Job, Job.id == Belonging.thing)
        with Session(self._engine) as session:
            count = session.scalar(mine.where(Belonging.client == client, Job.status.in_(ACTIVE))) or 0
        if count >= self._jobs_per_client:
            raise QuotaReached(
                f"expected fewer than {self._jobs_per_client} jobs of one client to wait or run, there are {count}; "
                "try again when one is over, or cancel one"
            )

    def forget(self) -> None:
        """What is known of things that are gone."""
        with Session(self._engine) as session, session.begin():
            there = [
                select(table.id).where(table.id == Belonging.thing).exists()
                for table in (StoredLatent, PointCloud, Job)
            ]
            session.execute(delete(Belonging).where(~or_(*there)))

    def note(self, thing: str, client: str, size: int = 0) -> None:
        """`client` has brought `thing`, which takes `size` bytes. Who brought it first keeps it."""
        with Session(self._engine) as session, session.begin():
            if session.get(Belonging, thing) is None:
                session.add(Belonging(thing=thing, client=client, size=size))
