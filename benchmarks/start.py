"""How long imports take."""

import statistics
import subprocess
import sys
import time


def _import_seconds(module: str, repeats: int = 5) -> float:
    taken = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def measure() -> list[dict]:
    torch, ours = _import_seconds("torch"), _import_seconds("netspace.spaces")
    return [{"benchmark": "import netspace against torch", "torch_s": torch, "ours_s": ours, "ratio": ours / torch}]
