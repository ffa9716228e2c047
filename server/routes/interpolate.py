"""The points of a line between two latents, and what each is."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from netspace.lines import describe
from server.compute import while_connected
from server.networks import Line
from server.places import line_between
from server.schemas import InterpolateIn, LineOut, PointOut
from server.services import ServicesOf

router = APIRouter(tags=["lines"])


async def _points(line: Line, ts: list[float]) -> list[PointOut]:
    """One turn of the worker for every point, so that other requests are served in between."""
    run = line.space.worker.run
    arch, thetas = await run(line.networks, ts)
    points = []
    for t, theta in zip(ts, thetas, strict=True):
        found = await run(describe, arch, theta)
        point = PointOut(
            t=t,
            architecture=arch.name,
            volume=found.volume,
            parts=found.parts,
            largest_share=found.largest_share,
            empty=found.empty,
        )
        points.append(point)
    return points


@router.post("/interpolate")
async def interpolate(asked: InterpolateIn, request: Request, services: ServicesOf) -> LineOut:
    """From a to b and beyond, through the latent space, or through the raw weights of the two networks themselves."""
    line = await run_in_threadpool(line_between, services.latents, asked.a, asked.b, asked.of)
    points = await while_connected(request, _points(line, asked.positions()))
    return LineOut(space=line.space.id, a=asked.a, b=asked.b, of=asked.of, points=points)
