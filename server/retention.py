"""Uploads are kept as long as the operator says, and no longer."""

import asyncio

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError

from server.settings import Settings
from server.store import Store, now

MOST_SECONDS = 3600.0


async def forget_old_uploads(store: Store, settings: Settings) -> None:
    """Deletes what is older than `keep_uploads`, at once and then again and again until it is cancelled."""
    keep = settings.keep_uploads
    if keep is None:
        return
    while True:
        try:
            gone = await run_in_threadpool(store.delete_before, now() - keep)
            if gone:
                structlog.get_logger().info("uploads forgotten", count=gone, kept_for=str(keep))
        except SQLAlchemyError as error:
            structlog.get_logger().error("uploads could not be forgotten", reason=type(error).__name__)
        await asyncio.sleep(min(MOST_SECONDS, max(1.0, keep.total_seconds() / 24)))
