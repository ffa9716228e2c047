"""One latent: what it is, its picture, its network, its end."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from server.networks import NetworkOf, line_at
from server.routes.decode import network_response
from server.schemas import LatentDetail, NetworkFormat
from server.services import ServicesOf
from server.wire import NETWORK_MEDIA

router = APIRouter(prefix="/latents", tags=["latents"])


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
def forget(latent_id: str, services: ServicesOf) -> None:
    """Deletes a latent with its network and picture; 409 for one of the gallery, or one that a job still needs."""
    services.jobs.delete_latent(services.latents.deletable(latent_id))


@router.get("/{latent_id}/picture", response_class=Response, responses={200: {"content": {"image/png": {}}}})
def picture(latent_id: str, services: ServicesOf) -> Response:
    """A small PNG of the decoded network's shape."""
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
