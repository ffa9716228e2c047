"""Latents of uploads and jobs in a database: SQLite by default, anything SQLAlchemy reaches otherwise."""

import hashlib
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Engine,
    LargeBinary,
    String,
    UniqueConstraint,
    create_engine,
    delete,
    event,
    false,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from torch import Tensor

from netspace.mesh import as_float32


class Base(DeclarativeBase):
    pass


LISTED = ("upload", "job", "place")
"""Origins that pages list; a job's snapshots on the way (`snapshot`) are found by their ids alone."""


class StoredLatent(Base):
    """The latent of an upload, a job or a kept place. `model` is the identity of the space's weights: it means nothing
    to others.

    Only an upload has an input network (`network` is empty otherwise); for others `sha256` names the job and the step,
    or the place, instead of a file.
    """

    __tablename__ = "latents"
    __table_args__ = (UniqueConstraint("space", "model", "sha256"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=lambda: new_id())
    space: Mapped[str] = mapped_column(String(64))
    model: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(DateTime, index=True, default=lambda: now())
    architecture: Mapped[dict[str, Any]] = mapped_column(JSON)
    iou: Mapped[float]
    represented: Mapped[bool]
    verdict: Mapped[str]
    x: Mapped[float]
    y: Mapped[float]
    properties: Mapped[dict[str, Any]] = mapped_column(JSON)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    origin: Mapped[str] = mapped_column(String(16), default="upload", server_default="upload")
    owner: Mapped[str | None] = mapped_column(String(64))
    network: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    picture: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


def new_id() -> str:
    """An id that cannot be guessed and needs no escaping in a URL."""
    return secrets.token_urlsafe(16)


def now() -> datetime:
    """UTC without a time zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)


def vector_bytes(z: Tensor) -> bytes:
    """z [D] -> little-endian float32. Inverse of `vector_from`."""
    return as_float32(z).tobytes()


def vector_from(content: bytes) -> Tensor:
    """Inverse of `vector_bytes`: z [D] on the CPU."""
    return torch.from_numpy(np.frombuffer(content, "<f4").astype(np.float32))


def place_key(z: Tensor, name: str) -> str:
    """Stands for the file of a kept place: z [D] under a name."""
    return hashlib.sha256(b"place" + vector_bytes(z) + name.encode(errors="replace")).hexdigest()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _share_file)
    return engine


def _share_file(connection: Any, _: object) -> None:
    """Readers and a writer do not wait for one another, and writers wait for their turn."""
    connection.execute("PRAGMA busy_timeout = 5000")
    connection.execute("PRAGMA journal_mode = WAL")


ADDED = (
    ("latents", "origin", "VARCHAR(16) DEFAULT 'upload' NOT NULL"),
    ("latents", "owner", "VARCHAR(64)"),
    ("jobs", "client", "VARCHAR(64)"),
    ("jobs", "teacher", "VARCHAR(200)"),
)
"""(table, column, type) of what older versions did not have."""


def _add_column(engine: Engine, table: str, column: str, kind: str) -> None:
    if column not in {known["name"] for known in inspect(engine).get_columns(table)}:
        with engine.begin() as connection:
            connection.execute(text(f"ALTER TABLE {table} ADD {column} {kind}"))


def create_tables(engine: Engine, attempts: int = 5) -> None:
    """Makes what is missing, also in a database of an older version, and also while another process does the same."""
    for attempt in range(attempts):
        try:
            Base.metadata.create_all(engine)
            for table, column, kind in ADDED:
                if table in Base.metadata.tables:
                    _add_column(engine, table, column, kind)
            return
        except DBAPIError:
            if attempt == attempts - 1:
                raise
            time.sleep(0.2)


def _listed(space: str, model: str, origins: Sequence[str], owner: str | None) -> list[ColumnElement[bool]]:
    """The conditions on what a client sees in lists: what is everyone's, and what is its own."""
    everyone = StoredLatent.owner.is_(None)
    seen = everyone if owner is None else everyone | (StoredLatent.owner == owner)
    return [StoredLatent.space == space, StoredLatent.model == model, StoredLatent.origin.in_(origins), seen]


class Store:
    """Every method is one transaction; safe to call from any thread."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        create_tables(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    def _session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def find(self, latent_id: str) -> StoredLatent | None:
        if "\0" in latent_id:  # which Postgres refuses to compare
            return None
        with self._session() as session:
            return session.get(StoredLatent, latent_id)

    def find_file(self, space: str, model: str, sha256: str) -> StoredLatent | None:
        """The latent of a file that was embedded before."""
        wanted = select(StoredLatent).filter_by(space=space, model=model, sha256=sha256)
        with self._session() as session:
            return session.scalar(wanted)

    def add(self, latent: StoredLatent) -> tuple[StoredLatent, bool]:
        """The latent and True; or, if its file has been added meanwhile, the one that is there and False."""
        key = (latent.space, latent.model, latent.sha256)
        try:
            with self._session() as session, session.begin():
                session.add(latent)
            return latent, True
        except IntegrityError:
            known = self.find_file(*key)
            if known is None:
                raise
            return known, False

    def delete(self, latent_id: str) -> bool:
        """Whether there was one to delete."""
        with self._session() as session, session.begin():
            return session.scalar(delete(StoredLatent).filter_by(id=latent_id).returning(StoredLatent.id)) is not None

    def delete_before(self, moment: datetime) -> int:
        """Number of uploads and kept places made before `moment` (UTC), which are gone now."""
        old = StoredLatent.origin.in_(("upload", "place")) & (StoredLatent.created_at < moment)
        with self._session() as session, session.begin():
            return len(session.scalars(delete(StoredLatent).where(old).returning(StoredLatent.id)).all())

    def check(self) -> None:
        """Raises SQLAlchemyError where the database does not answer, or takes no changes."""
        with self._session() as session:
            session.execute(select(StoredLatent.id).limit(1))
            session.execute(update(StoredLatent).where(false()).values(name=""))
            session.rollback()

    def count(self, space: str, model: str, origins: Sequence[str] = LISTED, owner: str | None = None) -> int:
        with self._session() as session:
            wanted = _listed(space, model, origins, owner)
            return session.scalar(select(func.count()).select_from(StoredLatent).where(*wanted)) or 0

    def page(
        self, space: str, model: str, offset: int, limit: int, origins: Sequence[str] = LISTED, owner: str | None = None
    ) -> Sequence[StoredLatent]:
        """Newest first, of one owner (a hash) and of everyone."""
        wanted = select(StoredLatent).where(*_listed(space, model, origins, owner))
        ordered = wanted.order_by(StoredLatent.created_at.desc(), StoredLatent.id).offset(offset).limit(limit)
        with self._session() as session:
            return session.scalars(ordered).all()

    def network(self, latent_id: str) -> bytes | None:
        """The uploaded network as safetensors."""
        with self._session() as session:
            return session.scalar(select(StoredLatent.network).filter_by(id=latent_id))

    def picture(self, latent_id: str) -> bytes | None:
        """PNG."""
        with self._session() as session:
            return session.scalar(select(StoredLatent.picture).filter_by(id=latent_id))
