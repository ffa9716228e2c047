"""Whether the service is alive and ready."""

from fastapi import APIRouter, HTTPException
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from server.schemas.health import HealthOut, ReadyOut
from server.services import ServicesOf

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def alive() -> HealthOut:
    """Alive: the event loop answers."""
    return HealthOut()


@router.get("/readyz")
async def ready(services: ServicesOf) -> ReadyOut:
    """The loaded spaces; 503 if there is none or the database does not answer."""
    try:
        await run_in_threadpool(services.store.check)
    except SQLAlchemyError as error:
        raise HTTPException(503, f"expected a database that answers, got {type(error).__name__}") from error
    spaces = [space.id for space in services.registry]
    if not spaces:
        raise HTTPException(503, f"expected a space in {str(services.settings.spaces)!r} (NETSPACE_SPACES), found none")
    return ReadyOut(spaces=spaces)
