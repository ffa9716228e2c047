"""What the routes share: made when the service starts, closed when it stops."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from server.jobs.store import JobStore
from server.latents import Latents
from server.registry import Registry
from server.settings import Settings
from server.store import Store


@dataclass(frozen=True)
class Services:
    settings: Settings
    registry: Registry
    store: Store
    latents: Latents
    jobs: JobStore

    @classmethod
    def open(cls, settings: Settings) -> "Services":
        """Loads the spaces and opens the database. Raises BadSpace."""
        registry = Registry.open(settings.spaces, settings.device)
        store = Store(settings.database_url)
        return cls(settings, registry, store, Latents(registry, store), JobStore(store.engine))

    def close(self) -> None:
        self.registry.close()
        self.store.close()


def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesOf = Annotated[Services, Depends(_services)]
