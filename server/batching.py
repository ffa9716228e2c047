"""Requests that arrive together are computed together."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from server.compute import Worker
from server.errors import Busy

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """One bounded queue before a worker.

    An item waits `window` seconds for company, longer only while the worker is busy; then up to `most` items go to the
    worker as one call of `work`, which returns a result or an exception for each. Items whose client has gone are left
    out. For one event loop.
    """

    def __init__(
        self,
        worker: Worker,
        work: Callable[[list[T]], list[R | Exception]],
        *,
        window: float = 0.002,
        most: int = 16,
        limit: int = 128,
    ) -> None:
        self._worker, self._work = worker, work
        self._window, self._most, self._limit = window, most, limit
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def run(self, item: T) -> R:
        """The result of `work` for this item. Raises Busy if `limit` items wait already, and what `work` gives back."""
        if len(self._waiting) >= self._limit:
            raise Busy(f"{len(self._waiting)} requests are waiting already")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._serve())
        try:
            return await future
        finally:
            self._waiting = [(i, f) for i, f in self._waiting if f is not future]

    async def _serve(self) -> None:
        await asyncio.sleep(self._window)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                results = await self._worker.run(self._work, [item for item, _ in batch])
            except Exception as error:
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # its client has gone
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
