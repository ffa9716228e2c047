"""Requests that arrive together are computed together."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.compute import Worker
from server.errors import Busy

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Sizes:
    """How many items came together, counted since the start."""

    batches: int = 0
    items: int = 0
    by_size: Counter[int] = field(default_factory=Counter)

    def add(self, size: int) -> None:
        self.batches, self.items = self.batches + 1, self.items + size
        self.by_size[size] += 1

    def cumulative(self) -> list[tuple[int, int]]:
        """(bound, batches of at most that size)."""
        return [(bound, sum(n for size, n in self.by_size.items() if size <= bound)) for bound in (1, 2, 4, 8, 16)]


class Batcher(Generic[T, R]):
    """One bounded queue before a worker.

    An item waits `window` seconds for company, longer only while the worker is busy and patient;
    then up to `most` items go to the worker as one call of `work`, which returns a result or an exception for each.
    Items whose client has gone are left out. For one event loop.
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
        self.sizes = Sizes()
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def run(self, item: T) -> R:
        """The result of `work` for this item. Raises Busy if `limit` items wait already or its turn does not come in
        time, and what `work` gives back."""
        if len(self._waiting) >= self._limit:
            raise Busy(f"{len(self._waiting)} requests are waiting already")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({future}, timeout=self._worker.patience)
            if any(waiting is future for _, waiting in self._waiting):
                raise Busy(f"{len(self._waiting)} requests are waiting, and this one has waited for too long")
            return await future
        finally:
            future.cancel()
            self._waiting = [(i, f) for i, f in self._waiting if f is not future]

    async def _serve(self) -> None:
        await asyncio.sleep(self._window)
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self.sizes.add(len(batch))
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
