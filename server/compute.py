"""Where heavy work runs: one thread per model, so that the event loop never waits for a tensor."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from fastapi import HTTPException, Request

from server.errors import Busy
from server.turns import Turns

P = ParamSpec("P")
T = TypeVar("T")

CLIENT_CLOSED_REQUEST = 499
PATIENCE = 20.0
"""Seconds that a request waits for its turn."""


@dataclass
class Piece:
    """A call and its result."""

    work: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)


class Worker:
    """A thread that does a model's work. More threads would only share the same cores.

    Kinds of work, which are the functions that do it, share it by time. What has not begun after `patience` seconds
    never does: whoever asked is told to come back, instead of waiting for longer than anyone would.
    """

    def __init__(self, name: str, threads: int = 1, patience: float = PATIENCE) -> None:
        self.pending = 0
        self.patience = patience
        self._turns: Turns[Piece] = Turns()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Result of `work(*args, **kwargs)`; cancelled while it still waits for its turn, it never starts.

        Raises Busy where its turn has not come within `patience` seconds, or the worker is closed.
        """
        piece = Piece(partial(work, *args, **kwargs))
        waiting = asyncio.wrap_future(piece.done)
        self.pending += 1
        try:
            self._submit(getattr(work, "__qualname__", type(work).__name__), piece)
            await asyncio.wait({waiting}, timeout=self.patience)
            if piece.done.cancel():
                raise Busy(f"expected to begin within {self.patience:g} seconds, but too much is waiting; try again")
            return await waiting
        finally:
            piece.done.cancel()
            self.pending -= 1

    def _submit(self, kind: str, piece: Piece) -> None:
        """As many calls of `_do_next` as pieces: which is done by which is decided when a thread is free."""
        self._turns.put(kind, piece)
        try:
            self._pool.submit(self._do_next)
        except RuntimeError:  # closed
            piece.done.cancel()

    def _do_next(self) -> None:
        taken = self._turns.take()
        if taken is None or not taken[1].done.set_running_or_notify_cancel():
            return
        kind, piece = taken
        begun = time.perf_counter()
        try:
            result = piece.work()
        except BaseException as error:
            piece.done.set_exception(error)
        else:
            piece.done.set_result(result)
        self._turns.charge(kind, time.perf_counter() - begun)

    def close(self) -> None:
        """Drops what has not begun and waits for what has."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        while taken := self._turns.take():
            taken[1].done.cancel()
        self._pool.shutdown(wait=True)


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
