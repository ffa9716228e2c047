"""Requests that arrive together are computed together."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
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


@dataclass(eq=False, repr=False)
class Waiting(Generic[T, R]):
    """An item whose result somebody waits for.

    Without a repr: a deque spells out what it is asked to remove and does not hold, and an item may hold tensors.
    """

    item: T
    result: asyncio.Future[R]


class Batcher(Generic[T, R]):
    """One bounded queue before a worker.

    An item waits `window` seconds for company, and then until it is the worker's turn, while the worker is patient.
    Up to `most` items that wait by then are one call of `work`, which returns a result or an exception for each. Items
    whose client has gone are left out. For one event loop.
    """

    def __init__(
        self,
        worker: Worker,
        work: Callable[[list[T]], list[R | Exception]],
        *,
        window: float = 0.001,
        most: int = 16,
        limit: int = 128,
    ) -> None:
        self._worker, self._work = worker, work
        self._window, self._most, self._limit = window, most, limit
        self.sizes = Sizes()
        self._waiting: deque[Waiting[T, R]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def run(self, item: T) -> R:
        """The result of `work` for this item. Raises Busy if `limit` items wait already or its turn does not come in
        time, and what `work` gives back."""
        if len(self._waiting) >= self._limit:
            raise Busy(f"{len(self._waiting)} requests are waiting already")
        waiting = Waiting[T, R](item, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({waiting.result}, timeout=self._worker.patience)
            if self._withdraw(waiting):
                raise Busy(
                    f"expected a turn within {self._worker.patience:g} seconds, but too much is waiting; try again"
                )
            return await waiting.result
        finally:
            self._withdraw(waiting)
            waiting.result.cancel()

    def _withdraw(self, waiting: Waiting[T, R]) -> bool:
        """Whether it was still there."""
        try:
            self._waiting.remove(waiting)
        except ValueError:
            return False
        return True

    async def _serve(self) -> None:
        await asyncio.sleep(self._window)
        while self._waiting:
            try:
                answered = await self._worker.run(self._next)
            except Busy as error:
                answered = [(waiting, error) for waiting in self._waiting]
                self._waiting.clear()
            for waiting, result in answered:
                if waiting.result.done():  # its client has gone
                    continue
                if isinstance(result, Exception):
                    waiting.result.set_exception(result)
                else:
                    waiting.result.set_result(result)

    def _next(self) -> list[tuple[Waiting[T, R], R | Exception]]:
        """In the worker's thread: those whose turn has come, with their results."""
        batch: list[Waiting[T, R]] = []
        with suppress(IndexError):
            while len(batch) < self._most:
                batch.append(self._waiting.popleft())
        if not batch:
            return []
        self.sizes.add(len(batch))
        try:
            results = self._work([waiting.item for waiting in batch])
        except Exception as error:
            results = [error] * len(batch)
        return list(zip(batch, results, strict=True))
