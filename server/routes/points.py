"""Uploaded points, for jobs to fit."""

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.concurrency import run_in_threadpool

from netspace.data.clouds import Cloud
from server.jobs.schemas import PointsOut
from server.quotas import POINT_BYTES, ClientOf
from server.routes.embed import MAX_NAME, check_uploads
from server.services import Services, ServicesOf
from server.uploads import Upload, read_upload

router = APIRouter(tags=["jobs"])


def _keep(services: Services, client: str, upload: Upload, cloud: Cloud) -> PointsOut:
    row = services.jobs.add_cloud(cloud, PurePath(upload.filename).stem[:MAX_NAME] or "points")
    services.quotas.note(row.id, client, (1 + (cloud.normals is not None)) * POINT_BYTES * row.count)
    return PointsOut.of(row, normals=cloud.normals is not None)


@router.post("/points", status_code=201)
async def points(
    services: ServicesOf,
    client: ClientOf,
    file: Annotated[UploadFile, File(description="A mesh (obj, ply, stl, glb, off) or points (ply, npy, text)")],
) -> PointsOut:
    """Keeps a point cloud, or points drawn from a mesh; the same points again have the same id.

    What a file is its first bytes tell, not its name. Nothing it refers to is opened.
    """
    await check_uploads(services, client)
    upload = await read_upload(file, services.settings.max_upload_bytes)
    cloud = await services.readers.run(services.loader.read_cloud, upload.content)
    return await run_in_threadpool(_keep, services, client, upload, cloud)


@router.delete("/points/{points_id}", status_code=204)
def forget(points_id: str, services: ServicesOf) -> None:
    """Deletes points; 409 where a job that is not over fits them."""
    services.jobs.delete_cloud(points_id)
