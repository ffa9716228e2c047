"""The application: settings in, ASGI out."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

import netspace
from server import reference, watch
from server.errors import install_error_handlers
from server.gate import Gate, SecurityHeaders
from server.retention import forget_old_uploads
from server.routes import (
    classes,
    compare,
    decode,
    embed,
    health,
    interpolate,
    jobs,
    latents,
    mesh,
    pages,
    points,
    spaces,
)
from server.schemas.problems import PROBLEMS
from server.services import Services
from server.settings import Settings
from server.uploads import BodyLimit
from server.watch import Metrics, Watch

ROUTES = (spaces, latents, embed, decode, interpolate, mesh, classes, compare, points, jobs, health, watch)

DESCRIPTION = """Learn, serve and explore the space of trained networks.

Upload a network, see where it lies, walk to another, decode a ready-to-use network and look at its shape; let a job
search the space for a better one.
Every error is an RFC 9457 problem document that says what was given and what was expected."""


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = app.state.services or await run_in_threadpool(Services.open, app.state.settings)
    app.state.services = services
    if services.settings.compile:
        threading.Thread(target=services.prepare, name="prepare", daemon=True).start()
    beside = [asyncio.create_task(work) for work in (forget_old_uploads(services), app.state.metrics.measure_lag())]
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await run_in_threadpool(services.close)
        app.state.services = None


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """An application that opens its services when it starts, unless they are given, and closes them when it stops.

    By default with the environment's settings.
    """
    settings = settings or Settings()
    app = FastAPI(
        title="NetSpace",
        version=netspace.__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.services = settings, services
    app.state.metrics = Metrics()
    app.add_middleware(BodyLimit, limit=settings.max_upload_bytes)
    app.add_middleware(Gate, settings=settings)
    if settings.origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Watch, metrics=app.state.metrics)
    install_error_handlers(app)
    for module in ROUTES:
        app.include_router(module.router, responses=PROBLEMS)
    app.include_router(reference.router)
    app.include_router(pages.router)
    pages.mount_files(app, settings.frontend)
    return app
