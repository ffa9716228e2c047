"""Uploads are kept as long as the operator says, and no longer."""

import asyncio
from datetime import datetime

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from server.services import Services
from server.store import now

MOST_SECONDS = 3600.0


def _forget(services: Services, moment: datetime) -> int:
    gone = services.store.delete_before(moment) + services.jobs.forget_before(moment)
    services.quotas.forget()
    return gone


async def forget_old_uploads(services: Services) -> None:
    """Deletes uploads, points and ended jobs with what they found, once they are older than `keep_uploads`.

    At once and then again and again until it is cancelled.
    """
    keep = services.settings.keep_uploads
    if keep is None:
        return
    while True:
        try:
            gone = await run_in_threadpool(_forget, services, now() - keep)
            if gone:
                structlog.get_logger().info("uploads forgotten", count=gone, kept_for=str(keep))
        except SQLAlchemyError as error:
            structlog.get_logger().error("uploads could not be forgotten", reason=type(error).__name__)
        await asyncio.sleep(min(MOST_SECONDS, max(1.0, keep.total_seconds() / 24)))
