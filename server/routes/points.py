"""Uploaded points, for jobs to fit."""

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.concurrency import run_in_threadpool

from netspace.data.clouds import Cloud
from server.jobs.schemas import PointsOut
from server.routes.embed import MAX_NAME, check_waiting
from server.services import Services, ServicesOf
from server.uploads import Upload, read_upload

router = APIRouter(tags=["jobs"])


def _keep(services: Services, upload: Upload, cloud: Cloud) -> PointsOut:
    row = services.jobs.add_cloud(cloud, PurePath(upload.filename).stem[:MAX_NAME] or "points")
    return PointsOut.of(row, normals=cloud.normals is not None)


@router.post("/points", status_code=201)
async def points(
    services: ServicesOf,
    file: Annotated[UploadFile, File(description="A mesh (obj, ply, stl, glb, off) or points (ply, npy, text)")],
) -> PointsOut:
    """Keeps a point cloud, or points drawn from a mesh; the same points again have the same id.

    What a file is its first bytes tell, not its name. Nothing it refers to is opened.
    """
    check_waiting(services)
    upload = await read_upload(file, services.settings.max_upload_bytes)
    cloud = await services.readers.run(services.loader.read_cloud, upload.content)
    return await run_in_threadpool(_keep, services, upload, cloud)
