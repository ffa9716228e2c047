"""Two decoded networks, compared by numbers."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from server.compute import while_connected
from server.places import compare, two_spots
from server.schemas.lines import CompareIn, ComparisonOut
from server.services import ServicesOf

router = APIRouter(tags=["lines"])


@router.post("/compare")
async def compare_places(asked: CompareIn, request: Request, services: ServicesOf) -> ComparisonOut:
    """How alike the solids are that two latents or places decode to."""
    a, b = await run_in_threadpool(two_spots, services.latents, asked.a, asked.b)
    found = await while_connected(request, a.space.worker.run(compare, a, b))
    return ComparisonOut(space=a.space.id, a=asked.a, b=asked.b, **asdict(found))
