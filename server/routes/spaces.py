"""The spaces that are loaded and the latents in them."""

from typing import Annotated

from fastapi import APIRouter, Query

from netspace.attributes import VOLUME, offered
from server.jobs.schemas import AttributeOut, AttributesOut
from server.latents import Origin
from server.schemas import LatentOut, LatentPage, SpaceOut, SpacesOut
from server.services import ServicesOf

router = APIRouter(prefix="/spaces", tags=["spaces"])

MAX_LIMIT = 1000
MAX_OFFSET = 1_000_000_000


@router.get("")
async def spaces(services: ServicesOf) -> SpacesOut:
    """Every loaded space; the first is the default."""
    return SpacesOut(spaces=[SpaceOut.of(space) for space in services.registry])


@router.get("/{space_id}")
async def space(space_id: str, services: ServicesOf) -> SpaceOut:
    """One space: what it decodes to, its held-out numbers, and how it was made."""
    return SpaceOut.of(services.registry.get(space_id))


@router.get("/{space_id}/attributes")
def attributes(space_id: str, services: ServicesOf) -> AttributesOut:
    """What a job's targets can be. Everything but the volume is regressed on the gallery."""
    loaded = services.registry.get(space_id)
    return AttributesOut(attributes=[AttributeOut(name=VOLUME), *map(AttributeOut.of, offered(loaded.regressions))])


@router.get("/{space_id}/latents")
def latents(
    space_id: str,
    services: ServicesOf,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    origin: Origin | None = None,
) -> LatentPage:
    """The gallery in its order, then uploads and what jobs have found, newest first."""
    total, items = services.latents.page(services.registry.get(space_id), offset, limit, origin)
    return LatentPage(total=total, offset=offset, limit=limit, items=[LatentOut.of(item) for item in items])
