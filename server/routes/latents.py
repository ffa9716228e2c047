"""One latent: what it is, its picture, its network, its end."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from server.compute import while_connected
from server.networks import NetworkOf, line_at
from server.owners import OwnerOf
from server.places import keep, spot_at
from server.routes.decode import network_response
from server.schemas.classes import ClassesOut, LatentClassesOut
from server.schemas.latents import KeepIn, LatentDetail
from server.schemas.networks import NetworkFormat
from server.services import Services, ServicesOf
from server.wire import NETWORK_MEDIA

router = APIRouter(prefix="/latents", tags=["latents"])


def detail_of(services: Services, latent_id: str) -> LatentDetail:
    """The latent with its neighbours. Raises UnknownName."""
    latent = services.latents.find(latent_id)
    return LatentDetail.of_one(latent, services.latents.nearest(latent), vector=False)


@router.post(
    "",
    status_code=201,
    response_model_exclude_unset=True,
    responses={200: {"model": LatentDetail, "description": "The same place is kept under this name: its latent"}},
)
async def keep_place(asked: KeepIn, services: ServicesOf, owner: OwnerOf, response: Response) -> LatentDetail:
    """Keeps a place as a latent of its own, to interpolate, optimise, download and delete."""
    spot = await run_in_threadpool(spot_at, services.latents, asked.at, asked.space)
    stored, new = await spot.space.worker.run(keep, services.store, spot, asked.name, owner)
    if new:
        response.headers["Location"] = f"/latents/{stored.id}"
    else:
        response.status_code = 200
    return await run_in_threadpool(detail_of, services, stored.id)


@router.get("/{latent_id}", response_model_exclude_unset=True)
def latent(
    latent_id: str,
    services: ServicesOf,
    vector: Annotated[bool, Query(description="Include the latent's numbers")] = False,
) -> LatentDetail:
    """The latent with its nearest neighbours in the gallery."""
    found = services.latents.find(latent_id)
    return LatentDetail.of_one(found, services.latents.nearest(found), vector=vector)


@router.delete("/{latent_id}", status_code=204)
def forget(latent_id: str, services: ServicesOf, owner: OwnerOf) -> None:
    """Deletes a latent with its network and picture; 409 for one of the gallery, or one that a job still needs, 403 for
    one of another owner."""
    services.jobs.delete_latent(services.latents.deletable(latent_id, owner))


@router.get("/{latent_id}/picture", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def picture(latent_id: str, services: ServicesOf) -> Response:
    """A small PNG of the decoded network's shape, or a card with a classifier's architecture and accuracy."""
    content = services.latents.picture(services.latents.find(latent_id))
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/{latent_id}/network", response_class=Response, responses={200: {"content": {NETWORK_MEDIA: {}}}})
async def network(
    latent_id: str,
    services: ServicesOf,
    format: NetworkFormat = "pt",
    of: NetworkOf = "decoded",
) -> Response:
    """A ready-to-use network: the decoded twin, or the network that was embedded."""
    latent = await run_in_threadpool(services.latents.find, latent_id)
    line = await run_in_threadpool(line_at, services.latents, latent, of)
    return await network_response(line, f"{latent.name}-{of}", format)


@router.get("/{latent_id}/classes")
async def classes(
    latent_id: str, request: Request, services: ServicesOf, of: NetworkOf = "decoded"
) -> LatentClassesOut:
    """How right a classifier is, class by class, on the service's evaluation images; 409 where it has none."""
    latent = await run_in_threadpool(services.latents.find, latent_id)
    line = await run_in_threadpool(line_at, services.latents, latent, of)
    found = await while_connected(request, latent.space.worker.run(latent.space.task.classes, line, 0.0))
    return LatentClassesOut(latent=latent.id, of=of, **ClassesOut.told(found))
