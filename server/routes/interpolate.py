"""The points of a line between two latents, and what each is."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from server.compute import while_connected
from server.networks import Line
from server.places import line_between
from server.schemas.lines import InterpolateIn, LineOut
from server.services import ServicesOf

router = APIRouter(tags=["lines"])


async def _points(line: Line, ts: list[float]) -> list[dict[str, Any]]:
    """One turn of the worker for every point, so that other requests are served in between."""
    run, task = line.space.worker.run, line.space.task
    networks = await run(line.networks, ts)
    return [asdict(await run(task.point, line, t, network)) for t, network in zip(ts, networks, strict=True)]


@router.post("/interpolate")
async def interpolate(asked: InterpolateIn, request: Request, services: ServicesOf) -> LineOut:
    """From a to b and beyond, through the latent space, or through the raw weights of the two networks themselves."""
    line = await run_in_threadpool(line_between, services.latents, asked.a, asked.b, asked.of)
    points = await while_connected(request, _points(line, asked.positions()))
    return LineOut.model_validate(
        {"space": line.space.id, "a": asked.a, "b": asked.b, "of": asked.of, "points": points}
    )
