"""Jobs: asked for, watched, cancelled, resumed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from server.jobs.problem import new_job
from server.jobs.schemas import EXAMPLES, EventOut, FitPointsIn, JobIn, JobOut, JobPage
from server.jobs.tables import Event, Status
from server.owners import OwnerOf, check_owner
from server.quotas import POINT_BYTES, ClientOf
from server.services import Services, ServicesOf

router = APIRouter(prefix="/jobs", tags=["jobs"])

MAX_LIMIT = 1000
POLL = 0.25
"""Seconds between two looks for new events."""
QUIET = 15.0
"""Seconds of silence after which a comment keeps the connection open."""
EVENT_STREAM = "text/event-stream"


@router.post("", status_code=202)
def submit(
    asked: Annotated[JobIn, Body(examples=EXAMPLES)],
    services: ServicesOf,
    client: ClientOf,
    owner: OwnerOf,
    response: Response,
) -> JobOut:
    """Queues an optimisation. 429 where too many wait already, or too many of the client's own wait or run."""
    services.quotas.check_jobs(client)
    job = new_job(asked, services.registry, services.latents, services.jobs, services.settings, owner)
    job = services.jobs.submit(job, services.settings.queue_length)
    services.quotas.note(job.id, client)
    if isinstance(asked, FitPointsIn) and asked.points:
        services.quotas.note(job.request["upload"], client, POINT_BYTES * len(asked.points))
    response.headers["Location"] = f"/jobs/{job.id}"
    return JobOut.of(job)


@router.get("")
def jobs(
    services: ServicesOf,
    owner: OwnerOf,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    status: Status | None = None,
) -> JobPage:
    """Newest first: the client's own, and those that are everyone's."""
    total, found = services.jobs.page(offset, limit, status, owner)
    return JobPage(total=total, offset=offset, limit=limit, items=[JobOut.of(job) for job in found])


@router.get("/{job_id}")
def job(job_id: str, services: ServicesOf) -> JobOut:
    """What became of it so far."""
    return JobOut.of(services.jobs.find(job_id))


def _check(services: Services, job_id: str, owner: str | None) -> None:
    """Raises UnknownName and NotYours."""
    check_owner(f"job {job_id!r}", services.jobs.find(job_id).client, owner)


@router.post("/{job_id}/cancel", status_code=202)
def cancel(job_id: str, services: ServicesOf, owner: OwnerOf) -> JobOut:
    """Ends the job with the best latent so far, within two seconds; 409 where it is over."""
    _check(services, job_id, owner)
    return JobOut.of(services.jobs.cancel(job_id))


@router.post("/{job_id}/resume", status_code=202)
def resume(job_id: str, services: ServicesOf, owner: OwnerOf) -> JobOut:
    """Goes on with a cancelled or failed job where it stopped; 409 for any other."""
    _check(services, job_id, owner)
    return JobOut.of(services.jobs.resume(job_id))


@router.delete("/{job_id}", status_code=204)
def forget(job_id: str, services: ServicesOf, owner: OwnerOf) -> None:
    """Forgets a job that is over, with its events; its result stays a latent. 409 while it waits or runs."""
    _check(services, job_id, owner)
    services.jobs.delete(job_id)


def _wire(event: Event) -> str:
    return f"id: {event.number}\nevent: {event.kind}\ndata: {json.dumps(EventOut.of(event).model_dump())}\n\n"


async def _stream(services: Services, job_id: str, last: int) -> AsyncIterator[str]:
    """Every event after number `last`, as it happens, until the job is over or the service stops."""
    yield "retry: 1000\n\n"
    quiet = 0.0
    while not services.stopping.is_set():
        events, over = await run_in_threadpool(services.jobs.events_after, job_id, last)
        for event in events:
            last = event.number
            yield _wire(event)
        if over:
            return
        quiet = 0.0 if events else quiet + POLL
        if quiet >= QUIET:
            quiet = 0.0
            yield ": still here\n\n"
        await asyncio.sleep(POLL)


@router.get(
    "/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {EVENT_STREAM: {"schema": EventOut.model_json_schema()}}},
        204: {"description": "The job is over, and the client has seen all of it: an EventSource stops asking"},
    },
)
async def events(
    job_id: str,
    services: ServicesOf,
    last_event_id: Annotated[int, Header(ge=0, le=2**31 - 1, description="The last event the client has seen")] = 0,
) -> Response:
    """What happens to the job, as server-sent events without gap or repetition, from the first one on or after
    `Last-Event-ID`: `state`, `progress` with the curve since the last one, `latent` with something to look at."""
    await run_in_threadpool(services.jobs.find, job_id)
    waiting, over = await run_in_threadpool(services.jobs.events_after, job_id, last_event_id, 1)
    if over and not waiting:
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(services, job_id, last_event_id), media_type=EVENT_STREAM, headers=headers)
