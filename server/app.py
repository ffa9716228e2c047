"""The application: settings in, ASGI out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool

import netspace
from server.errors import install_error_handlers
from server.routes import decode, embed, health, interpolate, jobs, latents, mesh, pages, points, spaces
from server.schemas import PROBLEMS
from server.services import Services
from server.settings import Settings
from server.uploads import BodyLimit

ROUTES = (spaces, latents, embed, decode, interpolate, mesh, points, jobs, health)

DESCRIPTION = """Learn, serve and explore the space of trained networks.

Upload a network, see where it lies, walk to another, decode a ready-to-use network and look at its shape; let a job
search the space for a better one.
Every error is an RFC 9457 problem document that says what was given and what was expected."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = await run_in_threadpool(Services.open, app.state.settings)
    app.state.services = services
    try:
        yield
    finally:
        await run_in_threadpool(services.close)


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application that loads its spaces when it starts; by default with the environment's settings."""
    settings = settings or Settings()
    app = FastAPI(title="NetSpace", version=netspace.__version__, description=DESCRIPTION, lifespan=_lifespan)
    app.state.settings = settings
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes)
    install_error_handlers(app)
    for module in ROUTES:
        app.include_router(module.router, responses=PROBLEMS)
    app.include_router(pages.router)
    pages.mount_files(app, settings.frontend)
    return app
