"""The spaces that are served: loaded once, when the service starts, on one device."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.directions import Direction, Regression, directions, regressions
from netspace.errors import BadSpace, UnknownArchitecture, UnknownName
from netspace.familiarity import Familiarity, prior_of
from netspace.maps import neighbourhoods
from netspace.prior import Prior
from netspace.runtime import pick_device
from netspace.spaces import Gallery, Space, load_space
from server.compute import Worker
from server.images import Images
from server.tasks import Task, task_of

SPACE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""No dot: a gallery latent's id is the space's id, a dot and the entry's id."""


@dataclass(frozen=True)
class LoadedSpace:
    """A space with all that is served with it. `identity` changes with its weights or config."""

    id: str
    space: Space
    gallery: Gallery
    report: dict[str, Any]
    card: str
    identity: str
    folder: Path
    worker: Worker
    images: Images

    @cached_property
    def task(self) -> Task:
        """What its networks do."""
        return task_of(self)

    @torch.no_grad()
    def decoded_architecture(self, z: Tensor) -> Architecture:
        """Of the network that z [D] decodes to."""
        logits = self.space.arch_logits(z[None].to(self.space.device))
        return self.space.architectures[0 if logits is None else int(logits.argmax())]

    @cached_property
    def prior(self) -> Prior:
        """Where the space's networks live, on its device."""
        return prior_of(self.folder, self.gallery.codes).to(self.space.device)

    @cached_property
    def familiarity(self) -> Familiarity | None:
        """How far out a latent lies, if the space was kept with what it takes to say."""
        return Familiarity.open(self.folder)

    @cached_property
    def regressions(self) -> dict[str, Regression]:
        """The gallery's properties as functions of the latent."""
        return regressions(self.gallery)

    @cached_property
    def directions(self) -> dict[str, Direction]:
        """What latents can be moved along, by name."""
        return directions(self.gallery, self.regressions)

    @cached_property
    def neighbourhoods(self) -> Tensor:
        """Places [M, 2] of the gallery on the second map; takes seconds for a large one."""
        return neighbourhoods(self.gallery.codes)


def _identity(folder: Path) -> str:
    """SHA-256 of the files that decide what a latent means."""
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        with (folder / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _text(path: Path, default: str) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else default


def load(folder: Path, device: torch.device, images: Images) -> LoadedSpace:
    """The space in `folder` with its gallery, report and card. Raises BadSpace."""
    space = load_space(folder, device)
    name = space.config.name
    if not SPACE_ID.fullmatch(name):
        raise BadSpace(f"{folder}: name: expected up to 64 letters, digits, '-' or '_', got {name!r}")
    try:
        report = json.loads(_text(folder / "report.json", "{}"))
    except json.JSONDecodeError as error:
        raise BadSpace(f"{folder}/report.json: {error}") from error
    return LoadedSpace(
        id=name,
        space=space,
        gallery=Gallery.open(folder / "gallery"),
        report=report,
        card=_text(folder / "card.md", ""),
        identity=_identity(folder),
        folder=folder,
        worker=Worker(name),
        images=images,
    )


def space_folders(root: Path) -> list[Path]:
    """`root` itself if it is a space, else the spaces in it, by name."""
    if (root / "config.json").exists():
        return [root]
    return sorted(path.parent for path in root.glob("*/config.json"))


class Registry:
    """Loaded spaces by id, in order of their folders' names; the first is the default."""

    def __init__(self, spaces: list[LoadedSpace]) -> None:
        self._spaces = {space.id: space for space in spaces}

    @classmethod
    def open(cls, root: Path, device: str, images: Images | None = None) -> "Registry":
        """Loads every space under `root`; classifiers are evaluated on `images`, if there are any. Raises
        BadSpace for one that is broken or two of one name."""
        log, chosen = structlog.get_logger(), pick_device(device)
        spaces: list[LoadedSpace] = []
        images = images or Images()
        for folder in space_folders(root):
            loaded = load(folder, chosen, images)
            if any(other.id == loaded.id for other in spaces):
                raise BadSpace(f"{folder}: the name {loaded.id!r} is taken by another space in {root}")
            log.info("space loaded", space=loaded.id, folder=str(folder), device=str(chosen))
            spaces.append(loaded)
        if not spaces:
            log.warning("no space found", folder=str(root))
        return cls(spaces)

    def __iter__(self) -> Iterator[LoadedSpace]:
        return iter(self._spaces.values())

    def __len__(self) -> int:
        return len(self._spaces)

    def __contains__(self, space_id: object) -> bool:
        return space_id in self._spaces

    def get(self, space_id: str | None) -> LoadedSpace:
        """The space of that id, or the default for None. Raises UnknownName."""
        if space_id is None and self._spaces:
            return next(iter(self))
        if space_id is None or space_id not in self._spaces:
            raise UnknownName(f"space: expected one of {sorted(self._spaces)}, got {space_id!r}")
        return self._spaces[space_id]

    def for_network(self, arch: Architecture) -> LoadedSpace:
        """The first space that decodes to `arch`, or else that can read it. Raises UnknownArchitecture if none can."""
        able = [space for space in self if space.task.reads(arch)]
        own = [space for space in able if arch in space.space.architectures]
        if not able:
            known = {name: [one.name for one in space.space.architectures] for name, space in self._spaces.items()}
            raise UnknownArchitecture(f"expected a network that a space here can read ({known}), got {arch.name}")
        return (own or able)[0]

    def close(self) -> None:
        for space in self:
            space.worker.close()
