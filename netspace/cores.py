"""Work on all cores of a CPU at once, by threads."""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class Cores:
    """One thread a core, each of which computes alone: cheaper than sharing every small product among all of them.

    A thread stays on its core where the system can hold it there: left alone, those that are woken at the same moment
    often begin on the same one, and are only parted after milliseconds.
    """

    def __init__(self) -> None:
        self.count = torch.get_num_threads()
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        self._free = deque(cores if len(cores) == self.count else [])
        self._pool = ThreadPoolExecutor(self.count, "cores", self._begin)
        everyone = threading.Barrier(self.count)
        list(self._pool.map(lambda _: everyone.wait(), range(self.count)))
        torch.set_num_threads(self.count)  # the pool's threads have set what later threads would start with

    def _begin(self) -> None:
        torch.set_num_threads(1)
        if self._free:
            os.sched_setaffinity(0, {self._free.popleft()})

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """`work` of every item, in their order."""
        return list(self._pool.map(work, items))


@lru_cache(maxsize=1)
def cores() -> Cores:
    """The process' own."""
    return Cores()


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`work` of every item on all cores at once. Not to be called from within itself."""
    items = list(items)
    return cores().map(work, items) if len(items) > 1 else [work(item) for item in items]


def even_share(count: int, most: int) -> int:
    """How many of so many things are done at once, at most `most`, for every core to get as many as the others."""
    rounds = math.ceil(count / (cores().count * most))
    return math.ceil(count / (cores().count * rounds))
