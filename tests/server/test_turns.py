"""Kinds of work share a thread by time."""

import asyncio
import threading

import pytest

from server.compute import Worker
from server.errors import Busy
from server.turns import Turns

PATIENCE = 60


def taken(turns: Turns[int], count: int, seconds: dict[str, float]) -> list[tuple[str, int]]:
    """The next items, each of which takes as long as its kind does."""
    found = []
    for _ in range(count):
        one = turns.take()
        assert one is not None
        turns.charge(one[0], seconds[one[0]])
        found.append(one)
    return found


def test_long_work_does_not_keep_short_work_waiting() -> None:
    turns: Turns[int] = Turns()
    for i in range(3):
        turns.put("long", i)
    for i in range(9):
        turns.put("short", i)
    order = [kind for kind, _ in taken(turns, 12, {"long": 4.0, "short": 1.0})]
    assert order[:6] == ["long", "short", "short", "short", "short", "long"]


def test_within_a_kind_the_order_is_that_of_arrival() -> None:
    turns: Turns[int] = Turns()
    for i in range(4):
        turns.put("a" if i % 2 else "b", i)
    found = taken(turns, 4, {"a": 1.0, "b": 1.0})
    assert [item for kind, item in found if kind == "a"] == [1, 3]
    assert [item for kind, item in found if kind == "b"] == [0, 2]
    assert turns.take() is None


def test_time_that_was_not_used_is_not_saved_up() -> None:
    turns: Turns[int] = Turns()
    for i in range(10):
        turns.put("busy", i)
    taken(turns, 8, {"busy": 1.0})
    for i in range(10):
        turns.put("new", i)
    order = [kind for kind, _ in taken(turns, 4, {"busy": 1.0, "new": 1.0})]
    assert order.count("busy") == 2


def test_what_has_waited_for_too_long_is_refused_and_never_begins() -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def occupy() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    async def scenario() -> None:
        worker = Worker("test", patience=0.01)
        busy = asyncio.create_task(worker.run(occupy))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        with pytest.raises(Busy, match=r"within 0\.01 seconds"):
            await worker.run(done.append, "too late")
        assert worker.pending == 1
        go_on.set()
        await busy, "what has begun is finished, however long it takes"
        worker.close()

    asyncio.run(scenario())
    assert done == []


def test_a_worker_that_is_closed_refuses_what_waits() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def occupy() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    async def scenario() -> None:
        worker = Worker("test")
        busy = asyncio.create_task(worker.run(occupy))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        waiting = asyncio.create_task(worker.run(print))
        await asyncio.sleep(0)
        closing = asyncio.create_task(asyncio.to_thread(worker.close))
        with pytest.raises(Busy):
            await waiting
        go_on.set()
        await asyncio.gather(busy, closing)
        with pytest.raises(Busy):
            await worker.run(print)

    asyncio.run(scenario())
