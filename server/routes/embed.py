"""Uploads: from a checkpoint to a latent."""

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.concurrency import run_in_threadpool

from server.embed import embed_once
from server.errors import Unavailable
from server.owners import OwnerOf
from server.quotas import ClientOf
from server.routes.latents import detail_of
from server.schemas.latents import LatentDetail
from server.services import Services, ServicesOf
from server.uploads import read_upload

router = APIRouter(tags=["latents"])

MAX_NAME = 200
MOST_WAITING = 16
"""Uploads that are read or wait for it, each in memory as a whole."""
FILE = "A `.pt` or `.safetensors` state dict of a SIREN SDF network, or of an image classifier of a known architecture"
Name = Annotated[str | None, Form(min_length=1, max_length=MAX_NAME, description="By default the file's name")]


async def check_uploads(services: Services, client: str) -> None:
    """Raises Unavailable while too many uploads are read or wait for it, and QuotaReached."""
    if services.readers.pending >= MOST_WAITING:
        raise Unavailable(f"expected at most {MOST_WAITING} uploads at once; try again in a moment")
    await run_in_threadpool(services.quotas.check_uploads, client)


@router.post(
    "/embed",
    status_code=201,
    response_model_exclude_unset=True,
    responses={200: {"model": LatentDetail, "description": "The same file has been embedded before: its latent"}},
)
async def embed(
    services: ServicesOf,
    client: ClientOf,
    owner: OwnerOf,
    response: Response,
    file: Annotated[UploadFile, File(description=FILE)],
    space: Annotated[str | None, Form(description="By default one that can read it")] = None,
    name: Name = None,
) -> LatentDetail:
    """Recognises, embeds and judges a network. Nothing in the file is executed."""
    loaded = services.registry.get(space) if space is not None or not len(services.registry) else None
    await check_uploads(services, client)
    upload = await read_upload(file, services.settings.max_upload_bytes)
    called = name or PurePath(upload.filename).stem[:MAX_NAME] or "upload"
    network = await services.readers.run(services.loader.read, upload.content)
    loaded = loaded or services.registry.for_network(network[0])
    stored, new = await loaded.worker.run(embed_once, services.store, loaded, upload, network, called, owner)
    if new:
        await run_in_threadpool(services.quotas.note, stored.id, client, len(stored.network) + len(stored.picture))
        response.headers["Location"] = f"/latents/{stored.id}"
    else:
        response.status_code = 200
    return await run_in_threadpool(detail_of, services, stored.id)
