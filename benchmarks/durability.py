"""What durability costs: the same optimisation plainly, and as a job that records every chunk, by turns in one run.

    python benchmarks/durability.py --space checkpoints/chairs
    python benchmarks/durability.py --database postgresql+psycopg://netspace@localhost/netspace

Prints one JSON object: seconds of either (medians), the share that recording adds, and chunks recorded.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path

from netspace.lso import optimise
from netspace.runtime import keep_freed_memory
from server.jobs.problem import candidates, latent_of, new_job, problem_of
from server.jobs.runner import Runner
from server.jobs.schemas import AttributesIn
from server.services import Services
from server.settings import Settings


def plainly(services: Services, asked: AttributesIn) -> float:
    """Seconds without a record, the description and picture of the result included."""
    job = new_job(asked, services.registry, services.latents, services.jobs, services.settings)
    began = time.monotonic()
    problem = problem_of(job, services.registry, services.jobs)
    (part, *_) = candidates(job, problem.space)
    state = problem.begin(part)
    for update in optimise(problem.objective, problem.prior, problem.config, state):
        state = update.state
    latent_of(job, problem, state, final=True)
    return time.monotonic() - began


def durably(services: Services, asked: AttributesIn) -> tuple[float, int]:
    """(seconds, events) as a job."""
    jobs = services.jobs
    job = jobs.submit(new_job(asked, services.registry, services.latents, jobs, services.settings), 1000)
    runner = Runner("benchmark", services.registry, jobs, services.settings, threading.Event())
    began = time.monotonic()
    runner.run(job.id, job.run)
    seconds, done = time.monotonic() - began, jobs.find(job.id)
    assert done.status == "done", done.detail
    return seconds, done.events


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", type=Path, default=Path("checkpoints/chairs"))
    parser.add_argument("--database", help="by default a SQLite file of its own")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{folder}/benchmark.sqlite"
        services = Services.open(Settings(spaces=given.space, database_url=url, device="cpu"))
        start = next(iter(services.registry)).gallery.entries[0].id
        space = next(iter(services.registry)).id
        asked = AttributesIn.model_validate(
            {
                "objective": "attributes",
                "start": f"{space}.{start}",
                "targets": {"volume": {"by": 0.1}},
                "steps": given.steps,
                "patience": given.steps + 1,
            }
        )
        plain, durable, events = [], [], 0
        plainly(services, asked)  # the first run is slower
        for _ in range(given.rounds):
            plain.append(plainly(services, asked))
            seconds, events = durably(services, asked)
            durable.append(seconds)
        services.close()
    a, b = statistics.median(plain), statistics.median(durable)
    figures = {"steps": given.steps, "plain_s": round(a, 3), "durable_s": round(b, 3), "overhead": round(b / a - 1, 4)}
    print(json.dumps({**figures, "events": events}, indent=2))


if __name__ == "__main__":
    main()
