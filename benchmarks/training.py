"""Training steps and zoo building: all networks of a step together against one after another."""

import torch

from benchmarks.reference import fit_one_by_one, looped_loss
from benchmarks.timing import seconds
from netspace.batches import Batch
from netspace.data.sources import chair_of_seed
from netspace.fit import FitConfig, fit, pools
from netspace.objectives import SdfDistillation, SdfDistillationConfig
from netspace.runtime import keep_freed_memory
from netspace.spaces import Space, SpaceConfig

NETWORKS, POINTS = 16, 512


def random_batch(side: int, generator: torch.Generator) -> Batch:
    """NETWORKS networks' answers, made up."""
    none = torch.empty(0, POINTS, 3)
    return Batch(
        rows=torch.arange(NETWORKS),
        probes=0.2 * torch.randn(NETWORKS, side, side, side, generator=generator),
        points=2 * torch.rand(NETWORKS, POINTS, 3, generator=generator) - 1,
        values=0.1 * torch.randn(NETWORKS, POINTS, generator=generator),
        ends=torch.empty(2, 0, dtype=torch.long),
        mid_points=none,
        mid_values=none[..., 0],
    )


def step_seconds(loss: object, space: Space) -> float:
    optimiser = torch.optim.AdamW(space.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()  # type: ignore[operator]
        optimiser.step()

    return seconds(step, repeats=5, warm=2)


def measure_steps() -> dict:
    config = SdfDistillationConfig()
    space = Space(SpaceConfig(name="bench", title="Benchmark"))
    batch = random_batch(48, torch.Generator().manual_seed(0))
    looped = step_seconds(lambda: looped_loss(space, config, batch.probes, batch.points, batch.values), space)
    keep_freed_memory()
    objective = SdfDistillation(space, config, fast=True)
    together = step_seconds(lambda: objective(batch)["loss"], space)
    return {
        "benchmark": f"training step, {NETWORKS} networks",
        "reference_ms": 1e3 * looped,
        "ours_ms": 1e3 * together,
        "ratio": looped / together,
    }


def measure_zoo(networks: int = 4) -> dict:
    config = FitConfig(steps=60)
    shapes = [chair_of_seed(i) for i in range(networks)]
    points, sdf = pools(shapes, config.pool, torch.Generator().manual_seed(0))
    threads = torch.get_num_threads()
    plain = seconds(lambda: fit_one_by_one(points, sdf, config, torch.Generator().manual_seed(0)), repeats=1, warm=0)
    keep_freed_memory()
    torch.set_num_threads(1)  # a zoo is built by one process a core
    ours = seconds(
        lambda: fit(points, sdf, config, torch.Generator().manual_seed(0), compile_step=True), repeats=2, warm=1
    )
    torch.set_num_threads(threads)
    return {
        "benchmark": f"fitting {networks} networks, {config.steps} steps (one process a core)",
        "reference_ms": 1e3 * plain,
        "ours_ms": 1e3 * ours / threads,
        "ratio": plain * threads / ours,
    }


def measure() -> list[dict]:
    return [measure_steps(), measure_zoo()]
