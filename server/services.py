"""What the routes share: made when the service starts, closed when it stops."""

from dataclasses import dataclass, field
from threading import Event
from typing import Annotated

import structlog
from fastapi import Depends, Request

from netspace.fields import prepare
from server.batching import Batcher
from server.compute import Worker
from server.frames import Frame, encoded_frames
from server.images import Images
from server.jobs.store import JobStore
from server.kept import Kept
from server.latents import Latents
from server.loader import Loader, shared_loader
from server.quotas import Quotas
from server.registry import Registry
from server.settings import Settings
from server.store import Store

READERS = 2


@dataclass(frozen=True)
class Services:
    settings: Settings
    registry: Registry
    store: Store
    latents: Latents
    frames: dict[str, Batcher[Frame, bytes]]
    """By space: meshes, made together for all who ask at once."""
    meshes: Kept
    """Those that were made lately, by entity tag."""
    loader: Loader
    readers: Worker
    """Its threads wait for the loader's children: two files at once, so that a slow one does not hold the others up."""
    jobs: JobStore
    quotas: Quotas
    stopping: Event = field(default_factory=Event)
    """Set when the service is told to stop: streams end, and their clients come back to the next."""

    @classmethod
    def open(cls, settings: Settings) -> "Services":
        """Loads the spaces and opens the database. Raises BadSpace."""
        registry = Registry.open(settings.spaces, settings.device, Images(settings.images, settings.evaluation_images))
        for space in registry:
            space.worker.patience = settings.patience
        store = Store(settings.database_url)
        frames = {
            s.id: Batcher(s.worker, encoded_frames, limit=settings.queue) for s in registry if s.task.name == "sdf"
        }
        loader = shared_loader()
        loader.start()
        return cls(
            settings=settings,
            registry=registry,
            store=store,
            latents=Latents(registry, store),
            frames=frames,
            meshes=Kept(settings.keep_meshes),
            loader=loader,
            readers=Worker("reader", READERS, settings.patience),
            jobs=JobStore(store.engine),
            quotas=Quotas(store.engine, settings.upload_quota, settings.jobs_per_client),
        )

    def prepare(self) -> None:
        """Compiles what makes meshes fast on a GPU; takes seconds, and requests are answered meanwhile."""
        log = structlog.get_logger()
        for space in self.registry:
            if space.task.name != "sdf":
                continue
            for arch in space.space.architectures:
                ready = prepare(arch, space.space.device)
                log.info("meshing ready" if ready else "no compiler: meshing stays slower", architecture=arch.name)

    def close(self) -> None:
        self.readers.close()
        self.registry.close()
        self.store.close()


async def _services(request: Request) -> Services:  # not async, it would cost every request a thread
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesOf = Annotated[Services, Depends(_services)]
