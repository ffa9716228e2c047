"""Seconds of repeated calls, side by side."""

import statistics
import time
from collections.abc import Callable

import torch


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


def on_both(measure: Callable[[str], list[dict]]) -> list[dict]:
    """What is measured on the CPU and, where one is at hand, the ratios on a GPU beside it."""
    rows = measure("cpu")
    if torch.cuda.is_available():
        for row, other in zip(rows, measure("cuda"), strict=True):
            row["gpu_ratio"], row["gpu_ms"] = other["ratio"], other["ours_ms"]
    return rows
