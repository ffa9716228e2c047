"""Whether the service is alive and ready."""

from fastapi import APIRouter, HTTPException

from server.schemas import HealthOut, ReadyOut
from server.services import ServicesOf

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def alive() -> HealthOut:
    """Alive: the event loop answers."""
    return HealthOut()


@router.get("/readyz")
async def ready(services: ServicesOf) -> ReadyOut:
    """The loaded spaces; 503 if there is none."""
    spaces = [space.id for space in services.registry]
    if not spaces:
        raise HTTPException(503, f"expected a space in {str(services.settings.spaces)!r} (NETSPACE_SPACES), found none")
    return ReadyOut(spaces=spaces)
