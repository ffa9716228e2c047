"""A crowd for minutes: uploads, meshes, lines and jobs mixed, against the service with its worker beside it.

    python -m benchmarks.load --minutes 5 --clients 200

Prints one JSON object, and ends with 1 where a promise is broken: an answer of 500 or above but 503 with Retry-After, a
99th percentile of cheap calls above a second, or memory that grows by more than a tenth after the first minute.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import torch

from benchmarks.serving import known_lines, resident_mib, server
from benchmarks.timing import quantile
from netspace.archs import Siren
from netspace.checkpoint import network_bytes

CHEAP = ("healthz", "latent", "latents", "job", "picture")
"""Calls that compute nothing."""
WEIGHTS = {"mesh": 40, "latent": 15, "latents": 10, "picture": 10, "job": 10, "interpolate": 8, "embed": 5, "submit": 2}
"""How often each call is made."""
MOST_GROWTH = 1.1
MOST_SECONDS = 1.0
PAUSE = 0.5
"""Seconds a client looks at an answer, on average; one that is refused waits as long as it is told, up to LONGEST."""
LONGEST = 10.0
ARRIVAL = 10.0
"""Seconds within which the clients arrive, one after the other."""


@dataclass
class Crowd:
    """What happened so far."""

    http: httpx.AsyncClient
    known: list[tuple[str, str]]
    networks: list[bytes]
    jobs: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def note(self, call: str, answer: httpx.Response, seconds: float) -> None:
        self.seconds.setdefault(call, []).append(seconds)
        self.answers[call, answer.status_code] += 1
        if answer.status_code >= 500 and not (answer.status_code == 503 and "retry-after" in answer.headers):
            self.broken.append(f"{call}: {answer.status_code} {answer.text[:200]}")


async def mesh(crowd: Crowd, rng: random.Random) -> httpx.Response:
    a, b = rng.choice(crowd.known)
    return await crowd.http.get("/mesh", params={"a": a, "b": b, "t": f"{rng.random():.3f}", "resolution": 64})


async def latent(crowd: Crowd, rng: random.Random) -> httpx.Response:
    return await crowd.http.get(f"/latents/{rng.choice(crowd.known)[0]}")


async def latents(crowd: Crowd, rng: random.Random) -> httpx.Response:
    return await crowd.http.get("/spaces/chairs/latents", params={"limit": 20, "offset": rng.randrange(40)})


async def picture(crowd: Crowd, rng: random.Random) -> httpx.Response:
    return await crowd.http.get(f"/latents/{rng.choice(crowd.known)[1]}/picture")


async def job(crowd: Crowd, rng: random.Random) -> httpx.Response:
    return await crowd.http.get(f"/jobs/{rng.choice(crowd.jobs)}" if crowd.jobs else "/jobs")


async def interpolate(crowd: Crowd, rng: random.Random) -> httpx.Response:
    a, b = rng.choice(crowd.known)
    return await crowd.http.post("/interpolate", json={"a": a, "b": b, "steps": 3})


async def embed(crowd: Crowd, rng: random.Random) -> httpx.Response:
    return await crowd.http.post("/embed", files={"file": ("load.pt", rng.choice(crowd.networks))})


async def submit(crowd: Crowd, rng: random.Random) -> httpx.Response:
    start = rng.choice(crowd.known)[0]
    asked = {"objective": "attributes", "start": start, "targets": {"volume": {"by": 0.05}}, "steps": 20}
    answer = await crowd.http.post("/jobs", json=asked)
    if answer.status_code == 202:
        crowd.jobs.append(answer.json()["id"])
    return answer


CALLS: dict[str, Callable[[Crowd, random.Random], Awaitable[httpx.Response]]] = {
    "mesh": mesh,
    "latent": latent,
    "latents": latents,
    "picture": picture,
    "job": job,
    "interpolate": interpolate,
    "embed": embed,
    "submit": submit,
}


def own_networks(count: int) -> list[bytes]:
    """Checkpoints that nobody has seen: untrained networks, each of which is embedded once and known from then on."""
    arch, generator = Siren(hidden=(64, 64)), torch.Generator().manual_seed(0)
    return [network_bytes(arch, theta) for theta in arch.initial(count, generator)]


async def client(crowd: Crowd, seed: int, after: float, until: float) -> None:
    rng = random.Random(seed)
    await asyncio.sleep(after)
    while time.perf_counter() < until:
        call = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        begun = time.perf_counter()
        try:
            answer = await CALLS[call](crowd, rng)
        except httpx.TransportError as error:
            crowd.broken.append(f"{call}: {type(error).__name__} after {time.perf_counter() - begun:.1f} s")
            continue
        crowd.note(call, answer, time.perf_counter() - begun)
        told = float(answer.headers.get("retry-after", 0))
        await asyncio.sleep(min(LONGEST, max(told, rng.uniform(0, 2 * PAUSE))))


async def pulse(crowd: Crowd, until: float) -> None:
    while time.perf_counter() < until:
        begun = time.perf_counter()
        crowd.note("healthz", await crowd.http.get("/healthz"), time.perf_counter() - begun)
        await asyncio.sleep(0.05)


async def measure_memory(pid: int, until: float, every: float) -> list[float]:
    held = []
    while time.perf_counter() < until:
        held.append(resident_mib(pid))
        await asyncio.sleep(every)
    return held


async def load(address: str, pid: int, clients: int, seconds: float) -> tuple[Crowd, list[float]]:
    limits = httpx.Limits(max_connections=clients + 4, max_keepalive_connections=clients + 4)
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as http:
        crowd = Crowd(http, await known_lines(address), own_networks(64))
        until = time.perf_counter() + seconds
        everyone = [client(crowd, seed, ARRIVAL * seed / clients, until) for seed in range(clients)]
        held, *_ = await asyncio.gather(measure_memory(pid, until, seconds / 60), pulse(crowd, until), *everyone)
    return crowd, held


def report(crowd: Crowd, held: list[float]) -> dict:
    """Memory is compared from a fifth of the time on: the first requests allocate what is kept."""
    cheap = [seconds for call in CHEAP for seconds in crowd.seconds.get(call, [])]
    settled = held[len(held) // 5 :]
    calls = {
        call: {
            "answers": {str(status): n for (of, status), n in sorted(crowd.answers.items()) if of == call},
            "p50_ms": 1e3 * quantile(taken, 0.5),
            "p99_ms": 1e3 * quantile(taken, 0.99),
        }
        for call, taken in crowd.seconds.items()
    }
    return {
        "requests": sum(crowd.answers.values()),
        "broken": crowd.broken[:20],
        "cheap_p99_ms": 1e3 * quantile(cheap, 0.99),
        "memory_mib": {"start": held[0], "settled": settled[0], "end": held[-1], "most": max(held)},
        "memory_mib_over_time": [round(mib) for mib in held[:: max(1, len(held) // 20)]],
        "calls": calls,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=200)
    asked = parser.parse_args()
    free = {"NETSPACE_RATE_LIMIT": "", "NETSPACE_UPLOAD_LIMIT": "", "NETSPACE_JOBS_PER_CLIENT": "1000000"}
    with server(**free) as (address, pid, _):
        found = report(*asyncio.run(load(address, pid, asked.clients, 60 * asked.minutes)))
    memory = found["memory_mib"]
    promises = {
        "no 5xx but 503 with Retry-After": not found["broken"],
        "99 % of cheap calls within a second": found["cheap_p99_ms"] <= 1e3 * MOST_SECONDS,
        "memory is flat": memory["end"] <= MOST_GROWTH * memory["settled"],
    }
    print(json.dumps({"clients": asked.clients, "minutes": asked.minutes, **found, "promises": promises}, indent=2))
    sys.exit(0 if all(promises.values()) else 1)


if __name__ == "__main__":
    main()
