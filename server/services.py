"""What the routes share: made when the service starts, closed when it stops."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from server.compute import Worker
from server.latents import Latents
from server.loader import Loader, shared_loader
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
    loader: Loader
    readers: Worker
    """Its threads wait for the loader's children: two files at once, so that a slow one does not hold the others up."""

    @classmethod
    def open(cls, settings: Settings) -> "Services":
        """Loads the spaces and opens the database. Raises BadSpace."""
        registry = Registry.open(settings.spaces, settings.device)
        store = Store(settings.database_url)
        loader = shared_loader()
        loader.start()
        return cls(settings, registry, store, Latents(registry, store), loader, Worker("reader", READERS))

    def close(self) -> None:
        self.readers.close()
        self.registry.close()
        self.store.close()


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesOf = Annotated[Services, Depends(_services)]
