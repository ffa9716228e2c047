"""A real server: the time of a frame, a crowd of clients, the event loop, and the start."""

import asyncio
import json
import math
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.connection import Connection
from benchmarks.timing import quantile

START_PATIENCE = 120.0
WARM = 12.0
"""Seconds for which a service is asked before it is measured: until then its worker for jobs starts beside it."""
FINE, STEPS = 10_000, 60
"""Places on a line: so many that hardly any is asked for twice, and those of the page's slider."""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def _not_ready(address: str) -> str | None:
    """Why the service is not ready; None where it is."""
    try:
        answer = httpx.get(f"{address}/readyz")
    except httpx.TransportError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.status_code == 200 else answer.text


@contextmanager
def server(**environment: str) -> Iterator[tuple[str, int, float]]:
    """(address, process id, seconds until it was ready) of a service with a fresh database."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "PORT": str(port), "NETSPACE_DATABASE_URL": f"sqlite:///{folder}/n.sqlite"}
        log = Path(folder) / "log"
        start = time.perf_counter()
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "server"], env={**variables, **environment}, stdout=out, stderr=out
            )
        try:
            address = f"http://127.0.0.1:{port}"
            while (reason := _not_ready(address)) is not None:
                if process.poll() is not None or time.perf_counter() - start > START_PATIENCE:
                    raise RuntimeError(f"the server did not start ({reason}): {log.read_text()}")
                time.sleep(0.02)
            ready = time.perf_counter() - start
            while environment.get("NETSPACE_COMPILE") != "false" and "meshing" not in log.read_text():
                time.sleep(0.2)
            yield address, process.pid, ready
        finally:
            process.terminate()
            process.wait(30)


def resident_mib(pid: int) -> float:
    for row in Path(f"/proc/{pid}/status").read_text().splitlines():
        if row.startswith("VmRSS"):
            return int(row.split()[1]) / 1024
    return 0.0


async def known_lines(address: str) -> list[tuple[str, str]]:
    """The ends of 32 lines between networks of the gallery."""
    http = Connection(address)
    found = json.loads((await http.get("/spaces/chairs/latents", limit="100"))[1])["items"]
    await http.close()
    ids = [item["id"] for item in found if item["origin"] == "gallery"]
    return list(zip(ids[:32], ids[32:64], strict=False))


async def drag(
    http: Connection, line: tuple[str, str], places: int, until: float, taken: list[float], seed: int
) -> int:
    """One client that asks for the next place on its line as soon as it has the last; returns its errors."""
    rng, errors, t = random.Random(seed), 0, 0.5
    while time.perf_counter() < until:
        t = min(1.0, max(0.0, t + rng.uniform(-0.05, 0.05)))
        start = time.perf_counter()
        place = round(t * places) / places
        status, _ = await http.get("/mesh", a=line[0], b=line[1], t=f"{place:g}", resolution="64")
        taken.append(time.perf_counter() - start)
        errors += status != 200
    return errors


async def pulse(http: Connection, until: float, waits: list[float]) -> None:
    """How long the event loop takes to answer a call that needs no work."""
    while time.perf_counter() < until:
        start = time.perf_counter()
        await http.get("/healthz")
        waits.append(time.perf_counter() - start)
        await asyncio.sleep(0.02)


async def lags(http: Connection) -> dict[float, int]:
    """How often the service's event loop was at most so many seconds late, since the start, as it tells itself."""
    text = (await http.get("/metrics"))[1].decode()
    return {float(le): int(float(n)) for le, n in re.findall(r'loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)}


async def crowd(address: str, clients: int, duration: float, places: int = STEPS, one_line: bool = False) -> dict:
    """Each on a line of its own, or all on the same, as a class is that looks at the first page."""
    async with AsyncExitStack() as open_ones:

        def connection() -> Connection:
            opened = Connection(address)
            open_ones.push_async_callback(opened.close)
            return opened

        http, known = connection(), await known_lines(address)
        for a, b in known[:2]:  # what only the first requests pay for
            await http.get("/mesh", a=a, b=b, t="0.5")
        chosen = known[:1] if one_line else known
        taken: list[float] = []
        waits: list[float] = []
        before = await lags(http)
        start = time.perf_counter()
        until = start + duration
        draggers = [drag(connection(), chosen[i % len(chosen)], places, until, taken, i) for i in range(clients)]
        *errors, _ = await asyncio.gather(*draggers, pulse(connection(), until, waits))
        seconds = time.perf_counter() - start
        looked = {bound: count - before[bound] for bound, count in (await lags(http)).items()}
    late = looked[math.inf] - looked[0.05]
    return {
        "frames_per_second": len(taken) / seconds,
        "p50_ms": 1e3 * quantile(taken, 0.5),
        "p99_ms": 1e3 * quantile(taken, 0.99),
        "errors": sum(errors),
        "healthz_p99_ms": 1e3 * quantile(waits, 0.99),
        "healthz_max_ms": 1e3 * max(waits),
        "loop_late_over_50_ms_per_minute": 60 * late / seconds,
        "loop_p99_ms_at_most": 1e3 * min(bound for bound, count in looked.items() if count >= 0.99 * looked[math.inf]),
    }


def measure(duration: float = 20.0) -> list[dict]:
    """A crowd drags three times as long as one client; its memory is looked at when caches are full."""
    rows = []
    with server(NETSPACE_RATE_LIMIT="") as (address, pid, ready):

        def run(name: str, clients: int, seconds: float, places: int = STEPS, one_line: bool = False) -> dict:
            rows.append({"benchmark": name, **asyncio.run(crowd(address, clients, seconds, places, one_line))})
            return rows[-1]

        rows.append({"benchmark": "start to ready", "seconds": ready})
        asyncio.run(crowd(address, 1, WARM))
        run("one client dragging", 1, duration, FINE)
        run("32 clients, hardly a place twice", 32, duration, FINE)
        before = resident_mib(pid)
        many = run("32 clients dragging", 32, 3 * duration)
        many["growth_mib"] = resident_mib(pid) - before
        run("32 clients on one line", 32, duration, one_line=True)
    with server(NETSPACE_RATE_LIMIT="", NETSPACE_KEEP_MESHES="0") as (address, _, _):
        asyncio.run(crowd(address, 1, WARM))
        alone = asyncio.run(crowd(address, 1, duration))
        rows.append({"benchmark": "one client dragging, nothing kept", **alone})
    ratio = many["frames_per_second"] / alone["frames_per_second"]
    rows.append({"benchmark": "32 clients against one after the other", "ratio": ratio})
    return rows
