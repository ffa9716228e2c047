"""From any latent vector to a network."""

import torch
from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from netspace.checkpoint import network_bytes
from netspace.errors import BadLatent
from server.networks import Line, line_through
from server.places import spot_at
from server.schemas.networks import DecodeIn, NetworkFormat
from server.services import Services, ServicesOf
from server.wire import NETWORK_MEDIA, attachment

router = APIRouter(tags=["networks"])


def _encode(line: Line, file_format: str) -> bytes:
    return network_bytes(*line.network(0.0), file_format)


async def network_response(line: Line, name: str, file_format: NetworkFormat) -> Response:
    """The network at the line's start as a download."""
    content = await line.space.worker.run(_encode, line, file_format)
    headers = {**attachment(name, file_format), "Cache-Control": "no-store"}
    return Response(content, media_type=NETWORK_MEDIA, headers=headers)


def _asked_line(services: Services, asked: DecodeIn) -> Line:
    if asked.latent is not None:
        latent = services.latents.find(asked.latent)
        return line_through(latent.space, latent.vector)
    if asked.at is not None:
        spot = spot_at(services.latents, asked.at, asked.space)
        return line_through(spot.space, spot.z)
    space, vector = services.registry.get(asked.space), asked.vector or []
    if len(vector) != space.space.size:
        raise BadLatent(f"vector: expected {space.space.size} numbers for {space.id!r}, got {len(vector)}")
    return line_through(space, torch.tensor(vector))


@router.post("/decode", response_class=Response, responses={200: {"content": {NETWORK_MEDIA: {}}}})
async def decode(asked: DecodeIn, services: ServicesOf) -> Response:
    """The network that a latent, a place or any vector decodes to."""
    line = await run_in_threadpool(_asked_line, services, asked)
    return await network_response(
        line, asked.latent or f"{line.space.id}-{'place' if asked.at else 'vector'}", asked.format
    )
