"""Latents of the gallery, of uploads, of jobs and of kept places behind one face."""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from torch import Tensor

from netspace.archs import Architecture, architecture_from_json
from netspace.checkpoint import read_network
from netspace.errors import UnknownName
from netspace.spaces import Entry
from server.errors import GalleryLatent, NoNetwork
from server.owners import check_owner
from server.registry import LoadedSpace, Registry
from server.store import LISTED, Store, StoredLatent, vector_from
from server.tasks.base import AccuracyFrom, Figures

Origin = Literal["gallery", "upload", "job", "place"]
ORIGINS: dict[str, Origin] = {"upload": "upload", "place": "place"}
"""As they are stored; everything else was found by a job."""
MADE_HERE: dict[Origin, str] = {"job": "was found by a job", "place": "is a kept place"}
"""Origins without a network of their own."""


@dataclass(frozen=True)
class Latent:
    """A place in a space: `vector` [D] on the CPU. `key` names it where it is kept."""

    id: str
    key: str
    space: LoadedSpace
    name: str
    origin: Origin
    created_at: datetime | None
    architecture: Architecture
    decoded_architecture: Architecture
    iou: float | None
    agreement: float | None
    accuracy: float | None
    accuracy_from: AccuracyFrom | None
    represented: bool
    verdict: str
    position: tuple[float, float]
    properties: dict[str, Any]
    split: str | None
    has_network: bool
    owner: str | None
    vector: Tensor

    @property
    def figures(self) -> Figures:
        return Figures(**{field.name: getattr(self, field.name) for field in fields(Figures)})


@dataclass(frozen=True)
class Neighbour:
    id: str
    name: str
    distance: float


def gallery_id(space: LoadedSpace, entry_id: str) -> str:
    """Galleries of two spaces may hold the same entry, so the space is part of the id."""
    return f"{space.id}.{entry_id}"


class Latents:
    """All latents of the loaded spaces. Reads the database: call it from a thread."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store

    def find(self, latent_id: str) -> Latent:
        """Raises UnknownName, also for an upload whose space is not loaded or has other weights now."""
        space_id, dot, entry_id = latent_id.partition(".")
        if dot and space_id in self._registry:
            space = self._registry.get(space_id)
            entry = next((entry for entry in space.gallery.entries if entry.id == entry_id), None)
            if entry is not None:
                return self._of_entry(space, entry)
        stored = self._store.find(latent_id)
        if stored is None or stored.space not in self._registry:
            raise UnknownName(f"no latent {latent_id!r}")
        space = self._registry.get(stored.space)
        if stored.model != space.identity:
            raise UnknownName(f"latent {latent_id!r} was made by other weights of {space.id!r}; upload the file again")
        return self._of_stored(space, stored)

    def page(
        self, space: LoadedSpace, offset: int, limit: int, origin: Origin | None, owner: str | None = None
    ) -> tuple[int, list[Latent]]:
        """(total, latents [offset : offset + limit]): the gallery in its order, then `owner`'s own and everyone's,
        newest first."""
        entries = space.gallery.entries if origin in (None, "gallery") else ()
        origins = [known for known in LISTED if origin in (None, known)]
        others = self._store.count(space.id, space.identity, origins, owner) if origins else 0
        items = [self._of_entry(space, entry) for entry in entries[offset : offset + limit]]
        missing = limit - len(items)
        if others and missing:
            start = max(0, offset - len(entries))
            stored = self._store.page(space.id, space.identity, start, missing, origins, owner)
            items += [self._of_stored(space, row) for row in stored]
        return len(entries) + others, items

    def nearest(self, latent: Latent, count: int = 5) -> list[Neighbour]:
        """The closest latents of the gallery, itself left out."""
        found = latent.space.gallery.nearest(latent.vector, count + 1)
        others = [(entry, distance) for entry, distance in found if gallery_id(latent.space, entry.id) != latent.id]
        return [Neighbour(gallery_id(latent.space, e.id), e.name, distance) for e, distance in others[:count]]

    def network(self, latent: Latent) -> tuple[Architecture, Tensor]:
        """(architecture, theta [P]) of the network that was embedded. Raises NoNetwork where it is not kept."""
        if latent.origin in MADE_HERE:
            raise NoNetwork(
                f"latent {latent.id!r} {MADE_HERE[latent.origin]}: it has a decoded network, but no input network"
            )
        if latent.origin == "gallery":
            found = latent.space.gallery.network(latent.key)
        else:
            content = self._store.network(latent.key)
            found = None if content is None else read_network(content)
        if found is None:
            raise NoNetwork(f"latent {latent.id!r}: its weights do not ship with the gallery, only its latent does")
        return found

    def picture(self, latent: Latent) -> bytes:
        """PNG. Raises UnknownName where none was drawn."""
        if latent.origin == "gallery":
            found = latent.space.gallery.picture(latent.key)
        else:
            found = self._store.picture(latent.key)
        found = found or latent.space.task.card(latent.figures, latent.architecture)
        if not found:
            raise UnknownName(f"latent {latent.id!r} has no picture")
        return found

    def deletable(self, latent_id: str, owner: str | None) -> str:
        """Where it is kept. Raises UnknownName, GalleryLatent for one that ships with the space, and NotYours."""
        latent = self.find(latent_id)
        check_owner(f"latent {latent_id!r}", latent.owner, owner)
        if latent.origin == "gallery":
            raise GalleryLatent(f"latent {latent_id!r} ships with {latent.space.id!r} and cannot be deleted")
        return latent.key

    def _of_entry(self, space: LoadedSpace, entry: Entry) -> Latent:
        return Latent(
            id=gallery_id(space, entry.id),
            key=entry.id,
            space=space,
            name=entry.name,
            origin="gallery",
            created_at=None,
            architecture=space.gallery.architecture(entry.id),
            decoded_architecture=space.decoded_architecture(space.gallery.latent(entry.id)),
            **vars(space.task.of_entry(entry)),
            position=entry.position,
            properties={**entry.properties, "source": entry.source},
            split=entry.split,
            has_network=entry.id in space.gallery.networks,
            owner=None,
            vector=space.gallery.latent(entry.id),
        )

    def _of_stored(self, space: LoadedSpace, stored: StoredLatent) -> Latent:
        z = vector_from(stored.vector)
        return Latent(
            id=stored.id,
            key=stored.id,
            space=space,
            name=stored.name,
            origin=ORIGINS.get(stored.origin, "job"),
            created_at=stored.created_at.replace(tzinfo=UTC),
            architecture=architecture_from_json(stored.architecture),
            decoded_architecture=space.decoded_architecture(z),
            **vars(space.task.of_stored(stored)),
            position=(stored.x, stored.y),
            properties=stored.properties,
            split=None,
            has_network=stored.origin == "upload",
            owner=stored.owner,
            vector=z,
        )
