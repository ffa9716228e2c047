"""Answers that are kept, and shared while they are made."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from server.kept import Kept


class Maker:
    """Makes answers of so many bytes once `go_on` is set; counts how often it began, and how often it was cancelled."""

    def __init__(self, size: int = 10, error: Exception | None = None) -> None:
        self.size, self.error = size, error
        self.go_on = asyncio.Event()
        self.begun = self.cancelled = 0

    async def __call__(self) -> bytes:
        self.begun += 1
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return b"x" * self.size


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 60))


def test_who_asks_meanwhile_waits_for_the_same_and_who_asks_later_gets_it_at_once() -> None:
    async def body() -> None:
        kept, maker = Kept(100), Maker()
        asked = [asyncio.create_task(kept.get("a", maker)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        maker.go_on.set()
        answers = [*await asyncio.gather(*asked), await kept.get("a", maker)]
        assert answers == [b"x" * 10] * 4
        assert (maker.begun, kept.missed, kept.found) == (1, 1, 3)

    run(body)


def test_one_who_goes_does_not_take_the_answer_from_the_others() -> None:
    async def body() -> None:
        kept, maker = Kept(100), Maker()
        first, second = (asyncio.create_task(kept.get("a", maker)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        maker.go_on.set()
        assert await second == b"x" * 10
        assert maker.cancelled == 0

    run(body)


def test_what_nobody_waits_for_any_more_is_cancelled_and_made_anew_when_asked_for() -> None:
    async def body() -> None:
        kept, maker = Kept(100), Maker()
        asked = [asyncio.create_task(kept.get("a", maker)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for one in asked:
            one.cancel()
        again = asyncio.create_task(kept.get("a", maker))  # before the cancelled one has ended
        await asyncio.sleep(0.01)
        maker.go_on.set()
        assert await again == b"x" * 10
        assert (maker.begun, maker.cancelled) == (2, 1)
        assert await kept.get("a", maker) == b"x" * 10
        assert maker.begun == 2

    run(body)


def test_all_who_wait_are_told_of_a_failure_and_it_is_not_kept() -> None:
    async def body() -> None:
        kept, maker = Kept(100), Maker(error=ValueError("no surface"))
        maker.go_on.set()
        told = await asyncio.gather(kept.get("a", maker), kept.get("a", maker), return_exceptions=True)
        assert [str(error) for error in told] == ["no surface"] * 2
        with pytest.raises(ValueError, match="no surface"):
            await kept.get("a", maker)
        assert (maker.begun, kept.bytes) == (2, 0)

    run(body)


def test_what_was_asked_for_least_recently_is_dropped_beyond_the_limit() -> None:
    async def body() -> None:
        kept, maker = Kept(25), Maker()
        maker.go_on.set()
        for key in ("a", "b", "a", "c"):
            await kept.get(key, maker)
        assert (maker.begun, kept.bytes) == (3, 20)
        await kept.get("a", maker)
        assert maker.begun == 3
        await kept.get("b", maker)
        assert maker.begun == 4
        large = Maker(26)
        large.go_on.set()
        await kept.get("large", large)
        assert kept.bytes == 20

    run(body)


@pytest.mark.parametrize("limit", [0, 9])
def test_a_limit_that_nothing_fits_keeps_nothing(limit: int) -> None:
    async def body() -> None:
        kept, maker = Kept(limit), Maker()
        maker.go_on.set()
        for _ in range(2):
            assert await kept.get("a", maker) == b"x" * 10
        assert (maker.begun, kept.bytes) == (2, 0)

    run(body)
