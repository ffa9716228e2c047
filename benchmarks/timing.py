"""Seconds of repeated calls, side by side."""

import statistics
import time
from collections.abc import Callable


def seconds(call: Callable[[], object], repeats: int = 5, warm: int | bool = 1) -> float:
    """The median of `repeats` calls after `warm` that do not count."""
    for _ in range(warm):
        call()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
