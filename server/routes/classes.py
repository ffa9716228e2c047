"""Class by class: how right the classifier at a place is."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from server.compute import while_connected
from server.places import line_to
from server.schemas.classes import ClassesOut
from server.schemas.lines import WhereIn
from server.services import ServicesOf

router = APIRouter(tags=["lines"])


@router.get("/classes")
async def classes(request: Request, services: ServicesOf, asked: Annotated[WhereIn, Query()]) -> ClassesOut:
    """Of the classifier at t of the line from a to b, or at a place, on the service's evaluation images; 409 where it
    has none."""
    line = await run_in_threadpool(line_to, services.latents, asked)
    found = await while_connected(request, line.space.worker.run(line.space.task.classes, line, asked.t))
    return ClassesOut(**ClassesOut.told(found))
