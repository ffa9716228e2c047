"""The spaces that are loaded and the latents in them."""

from typing import Annotated

from fastapi import APIRouter, Query

from netspace.attributes import VOLUME
from netspace.directions import FEWEST, LEAST_R2, offered
from server.jobs.schemas import AttributeOut, AttributesOut
from server.latents import Origin
from server.maps import Projection, map_of
from server.owners import OwnerOf
from server.schemas.latents import LatentOut, LatentPage
from server.schemas.spaces import DirectionOut, DirectionsOut, MapOut, SpaceOut, SpacesOut
from server.services import ServicesOf

router = APIRouter(prefix="/spaces", tags=["spaces"])

MAX_LIMIT = 1000
MAX_OFFSET = 1_000_000_000
MOST_OTHERS = 5000
"""Uploads and results on a map, the newest."""


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
    """What a job's targets can be. Everything but the volume is regressed on the gallery; classifiers
    have none."""
    loaded = services.registry.get(space_id)
    if "attributes" not in loaded.task.objectives:
        return AttributesOut(attributes=[])
    return AttributesOut(attributes=[AttributeOut(name=VOLUME), *map(AttributeOut.of, offered(loaded.regressions))])


@router.get("/{space_id}/latents")
def latents(
    space_id: str,
    services: ServicesOf,
    owner: OwnerOf,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    origin: Origin | None = None,
) -> LatentPage:
    """The gallery in its order, then uploads, kept places and what jobs have found, newest first: the client's own, and
    those that are everyone's."""
    total, items = services.latents.page(services.registry.get(space_id), offset, limit, origin, owner)
    return LatentPage(total=total, offset=offset, limit=limit, items=[LatentOut.of(item) for item in items])


@router.get("/{space_id}/directions")
def directions(space_id: str, services: ServicesOf) -> DirectionsOut:
    """What places can be moved along: properties, regressed on the gallery, and its first principal components."""
    found = services.registry.get(space_id).directions
    known = [DirectionOut.of(one) for one in found.values()]
    return DirectionsOut(directions=known, fewest=FEWEST, least_r2=LEAST_R2)


@router.get("/{space_id}/map")
def space_map(space_id: str, services: ServicesOf, owner: OwnerOf, projection: Projection = "pca") -> MapOut:
    """Every listed latent on a 2-D map, which does not change under the gallery: `pca` is linear, `tsne` keeps
    neighbours together."""
    loaded = services.registry.get(space_id)
    _, latents = services.latents.page(loaded, 0, len(loaded.gallery.entries) + MOST_OTHERS, None, owner)
    return MapOut.of(map_of(loaded, projection, latents))
