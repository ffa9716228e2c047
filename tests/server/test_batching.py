"""Requests that arrive together."""

import asyncio
import threading
from typing import Any

import pytest

from server.batching import Batcher
from server.compute import Worker
from server.errors import Busy

PATIENCE = 60


class Recorder:
    """Doubles numbers, refuses negative ones, remembers its calls, and can be held up."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Event()

    def __call__(self, items: list[int]) -> list[int | Exception]:
        self.calls.append(items)
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        if 13 in items:
            raise RuntimeError("thirteen")
        return [ValueError(f"got {i}") if i < 0 else 2 * i for i in items]


def scenario(body: Any, **options: Any) -> Recorder:
    async def run() -> Recorder:
        worker, work = Worker("test"), Recorder()
        try:
            await asyncio.wait_for(body(Batcher(worker, work, **options), work), PATIENCE)
        finally:
            work.go_on.set()
            worker.close()
        return work

    return asyncio.run(run())


def test_items_that_arrive_together_are_one_call_and_each_gets_its_own_answer() -> None:
    async def body(batcher: Batcher[int, int], _: Recorder) -> None:
        assert await asyncio.gather(*(batcher.run(i) for i in range(5))) == [0, 2, 4, 6, 8]
        assert await batcher.run(7) == 14

    assert scenario(body).calls == [[0, 1, 2, 3, 4], [7]]


def test_no_call_has_more_than_the_most() -> None:
    async def body(batcher: Batcher[int, int], _: Recorder) -> None:
        assert await asyncio.gather(*(batcher.run(i) for i in range(5))) == [0, 2, 4, 6, 8]

    assert scenario(body, most=2).calls == [[0, 1], [2, 3], [4]]


def test_one_failure_is_its_own_items_and_a_crash_everyones() -> None:
    async def body(batcher: Batcher[int, int], _: Recorder) -> None:
        good, bad = await asyncio.gather(batcher.run(1), batcher.run(-1), return_exceptions=True)
        assert good == 2
        assert isinstance(bad, ValueError)
        crashed = await asyncio.gather(batcher.run(13), batcher.run(1), return_exceptions=True)
        assert [str(error) for error in crashed] == ["thirteen", "thirteen"]
        assert await batcher.run(3) == 6, "and the next is served"

    scenario(body)


def test_a_full_queue_refuses_and_recovers() -> None:
    async def body(batcher: Batcher[int, int], work: Recorder) -> None:
        work.go_on.clear()
        first = asyncio.create_task(batcher.run(0))
        assert await asyncio.to_thread(work.begun.wait, PATIENCE)
        waiting = [asyncio.create_task(batcher.run(i)) for i in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="2 requests are waiting"):
            await batcher.run(3)
        work.go_on.set()
        assert await asyncio.gather(first, *waiting) == [0, 2, 4]
        assert await batcher.run(3) == 6

    scenario(body, limit=2)


def test_items_whose_client_has_gone_are_left_out() -> None:
    async def body(batcher: Batcher[int, int], work: Recorder) -> None:
        work.go_on.clear()
        first = asyncio.create_task(batcher.run(0))
        assert await asyncio.to_thread(work.begun.wait, PATIENCE)
        gone, stays = asyncio.create_task(batcher.run(1)), asyncio.create_task(batcher.run(2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        work.go_on.set()
        assert await asyncio.gather(first, stays) == [0, 4]

    assert scenario(body).calls == [[0], [2]]


def test_an_item_that_has_waited_for_too_long_is_refused() -> None:
    async def body(batcher: Batcher[int, int], work: Recorder) -> None:
        work.go_on.clear()
        first = asyncio.create_task(batcher.run(0))
        assert await asyncio.to_thread(work.begun.wait, PATIENCE)
        batcher._worker.patience = 0.01
        with pytest.raises(Busy, match="turn within"):
            await batcher.run(1)
        work.go_on.set()
        assert await first == 0

    assert scenario(body).calls == [[0]]


class Unspoken(int):
    """A number that nobody is to spell out: what frames hold takes longer to spell out than to compute."""

    def __repr__(self) -> str:
        raise AssertionError("spelt out")


def test_no_item_is_spelt_out_on_the_event_loop() -> None:
    async def body(batcher: Batcher[int, int], _: Recorder) -> None:
        assert await asyncio.gather(*(batcher.run(Unspoken(i)) for i in range(3))) == [0, 2, 4]

    scenario(body)
