"""Meshes of networks, by marching cubes."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

import netspace
from server.compute import while_connected
from server.frames import Frame
from server.networks import Line, NetworkOf, line_at
from server.places import line_to
from server.schemas.fields import Resolution
from server.schemas.lines import MeshFormat, MeshIn
from server.services import Services, ServicesOf
from server.wire import MESH_MEDIA, attachment, entity_tag, tag_matches

router = APIRouter(tags=["meshes"])

MESH_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {media: {} for media in MESH_MEDIA.values()}},
    304: {"description": "The client's copy, named by If-None-Match, is the mesh"},
}


def _tag(line: Line, t: float, resolution: int, file_format: str) -> str:
    asked = f"{netspace.__version__} {t!r} {resolution} {file_format}"
    return entity_tag([asked.encode(), *line.content()])


async def _answer(
    request: Request, services: Services, line: Line, *, t: float, resolution: int, file_format: MeshFormat, name: str
) -> Response:
    """The mesh at t of the line; 304 and no work where the client has it. Raises NotAShape."""
    line.space.task.check_shapes()
    tag = _tag(line, t, resolution, file_format)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag_matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    frames = services.frames[line.space.id]
    frame = Frame(line, t, resolution, file_format)
    content = await while_connected(request, services.meshes.get(tag, partial(frames.run, frame)))
    if file_format != "bin":
        headers |= attachment(name, file_format)
    return Response(content, media_type=MESH_MEDIA[file_format], headers=headers)


@router.get("/mesh", response_class=Response, responses=MESH_ANSWERS)
async def line_mesh(request: Request, services: ServicesOf, asked: Annotated[MeshIn, Query()]) -> Response:
    """The shape at t of the line from a to b, or at a place. 422 where the network there has no surface."""
    line = await run_in_threadpool(line_to, services.latents, asked)
    name = f"{line.space.id}-place" if asked.at is not None else f"{asked.a}-{asked.b}-{asked.t:.3f}"
    return await _answer(
        request, services, line, t=asked.t, resolution=asked.resolution, file_format=asked.format, name=name
    )


@router.get("/latents/{latent_id}/mesh", response_class=Response, responses=MESH_ANSWERS)
async def latent_mesh(
    request: Request,
    latent_id: str,
    services: ServicesOf,
    of: NetworkOf = "decoded",
    resolution: Annotated[Resolution, Query()] = 64,
    format: MeshFormat = "bin",
) -> Response:
    """The shape of a latent's decoded twin, or of the network that was embedded."""
    latent = await run_in_threadpool(services.latents.find, latent_id)
    line = await run_in_threadpool(line_at, services.latents, latent, of)
    return await _answer(request, services, line, t=0.0, resolution=resolution, file_format=format, name=latent.name)
