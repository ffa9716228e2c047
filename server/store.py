"""Uploaded networks' latents in a database: SQLite by default, anything SQLAlchemy reaches otherwise."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sqlalchemy import (
    JSON,
    DateTime,
    Engine,
    LargeBinary,
    String,
    UniqueConstraint,
    create_engine,
    delete,
    func,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from torch import Tensor

from netspace.mesh import as_float32


class Base(DeclarativeBase):
    pass


class StoredLatent(Base):
    """An upload's latent. `model` is the identity of the space's weights: a latent means nothing to other weights."""

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


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    return create_engine(parsed)


class Store:
    """Every method is one transaction; safe to call from any thread."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def _session(self) -> Session:
        return Session(self._engine, expire_on_commit=False)

    def find(self, latent_id: str) -> StoredLatent | None:
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
        """Number of latents made before `moment` (UTC), which are gone now."""
        with self._session() as session, session.begin():
            gone = session.scalars(
                delete(StoredLatent).where(StoredLatent.created_at < moment).returning(StoredLatent.id)
            )
            return len(gone.all())

    def check(self) -> None:
        """Raises SQLAlchemyError where the database does not answer."""
        with self._session() as session:
            session.execute(select(StoredLatent.id).limit(1))

    def count(self, space: str, model: str) -> int:
        with self._session() as session:
            counted = select(func.count()).select_from(StoredLatent).filter_by(space=space, model=model)
            return session.scalar(counted) or 0

    def page(self, space: str, model: str, offset: int, limit: int) -> Sequence[StoredLatent]:
        """Newest first."""
        wanted = select(StoredLatent).filter_by(space=space, model=model)
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
