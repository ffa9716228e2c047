"""Uploaded points, for jobs to fit."""

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from fastapi.concurrency import run_in_threadpool

from netspace.data.clouds import read_cloud
from server.jobs.schemas import PointsOut
from server.services import Services, ServicesOf
from server.uploads import Upload, read_upload

router = APIRouter(tags=["jobs"])


def _keep(services: Services, upload: Upload) -> PointsOut:
    name = PurePath(upload.filename)
    cloud = read_cloud(upload.content, name.suffix)
    row = services.jobs.add_cloud(cloud, name.stem[:200] or "points")
    return PointsOut.of(row, normals=cloud.normals is not None)


@router.post("/points", status_code=201)
async def points(
    services: ServicesOf,
    file: Annotated[UploadFile, File(description="A mesh (obj, ply, stl, glb, off), points (ply, xyz, csv, npy)")],
) -> PointsOut:
    """Keeps a point cloud, or points drawn from a mesh; the same points again have the same id."""
    upload = await read_upload(file, services.settings.max_upload_bytes)
    return await run_in_threadpool(_keep, services, upload)
