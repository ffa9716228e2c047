"""Where heavy work runs: one thread per model, so that the event loop never waits for a tensor."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

from fastapi import HTTPException, Request

P = ParamSpec("P")
T = TypeVar("T")

CLIENT_CLOSED_REQUEST = 499


class Worker:
    """A thread that does a model's work in order of arrival. More threads would only share the same cores."""

    def __init__(self, name: str, threads: int = 1) -> None:
        self.pending = 0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Result of `work(*args, **kwargs)`; cancelled while it still waits for its turn, it never starts."""
        loop = asyncio.get_running_loop()
        self.pending += 1
        try:
            return await loop.run_in_executor(self._pool, partial(work, *args, **kwargs))
        finally:
            self.pending -= 1

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._pool.shutdown(wait=True, cancel_futures=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Result of `work`, which is cancelled when the client goes away: a slider drops most of what it asks for.

    Only for requests whose body has been read, or that have none.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(CLIENT_CLOSED_REQUEST, "the client closed the connection before the answer was ready")
        return task.result()
    finally:
        await _cancelled(task, gone)


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
