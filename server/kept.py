"""What was answered lately, and what is on its way: who asks for the same gets the same."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class Flight:
    """An answer on its way, and how many wait for it."""

    task: asyncio.Task[bytes]
    waiting: int = 0


class Kept:
    """Answers by key, the least recently asked for dropped beyond `limit` bytes. For one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit, self.bytes = limit, 0
        self.found = self.missed = 0
        """How often an answer was there or on its way, and how often it had to be made."""
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._flights: dict[str, Flight] = {}

    async def get(self, key: str, make: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """The answer that is kept, that somebody waits for already, or else that `make` returns. Raises what it does.

        An answer that nobody waits for any more is cancelled.
        """
        if key in self._answers:
            self.found += 1
            self._answers.move_to_end(key)
            return self._answers[key]
        flight = self._flights.get(key)
        if flight is None:
            self.missed += 1
            flight = self._flights[key] = Flight(asyncio.create_task(make()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        else:
            self.found += 1
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._flights.pop(key)
                flight.task.cancel()

    def _landed(self, key: str, task: asyncio.Task[bytes]) -> None:
        if (flight := self._flights.get(key)) and flight.task is task:
            del self._flights[key]
        if task.cancelled() or task.exception():
            return
        content = task.result()
        if key not in self._answers and len(content) <= self.limit:
            self._answers[key] = content
            self.bytes += len(content)
        while self.bytes > self.limit:
            self.bytes -= len(self._answers.popitem(last=False)[1])
