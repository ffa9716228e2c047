"""Training steps and zoo building: all networks of a step together against one after another."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.reference import fit_one_by_one, looped_loss
from benchmarks.timing import on_both, seconds
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


def waited(call: Callable[[], object]) -> Callable[[], None]:
    """The call, until what it began on a GPU is done."""

    def both() -> None:
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return both


def step_seconds(loss: Callable[[], Tensor], space: Space) -> float:
    optimiser = torch.optim.AdamW(space.parameters(), lr=1e-5, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        optimiser.step()

    return seconds(waited(step), repeats=5, warm=2)


def products(*shapes: tuple[int, int, int, int], device: str) -> Callable[[], None]:
    """Matrix products [B, N, I] x [B, I, O] and those of their two gradients, and nothing else."""
    ready = []
    for count, n, i, o in shapes:
        a, b, c = (torch.randn(count, *side, device=device) for side in ((n, i), (i, o), (n, o)))
        ready += [(a, b, c), (c, b.mT, a.clone()), (a.mT, c.clone(), b.clone())]

    def multiply() -> None:
        for left, right, out in ready:
            torch.bmm(left, right, out=out)

    return multiply


def measure_steps(device: str) -> dict:
    """At best a step is its matrix products, of the hidden layers and of the dictionary, and the encoder."""
    config = SdfDistillationConfig()
    space = Space(SpaceConfig(name="bench", title="Benchmark")).to(device)
    batch = random_batch(48, torch.Generator().manual_seed(0)).to(device)
    looped = step_seconds(lambda: looped_loss(space, config, batch.probes, batch.points, batch.values), space)
    keep_freed_memory()
    objective = SdfDistillation(space, config, fast=True)
    together = step_seconds(lambda: objective(batch)["loss"], space)
    multiply = products((NETWORKS, POINTS, 256, 256), (1, NETWORKS, 256, 256 * 256), device=device)
    alone = seconds(waited(multiply)) + seconds(waited(lambda: space.encoder.embed(batch.probes).sum().backward()))
    return {
        "benchmark": f"training step, {NETWORKS} networks",
        "reference_ms": 1e3 * looped,
        "ours_ms": 1e3 * together,
        "ratio": looped / together,
        "products_alone_ms": 1e3 * alone,
        "ratio_at_best": looped / alone,
    }


def measure_zoo(device: str, networks: int = 4) -> dict:
    """Networks a minute are `networks` / `ours_ms`, on all cores. At best a step is its matrix products."""
    config = FitConfig(steps=60)
    shapes = [chair_of_seed(i) for i in range(networks)]
    points, sdf = (made.to(device) for made in pools(shapes, config.pool, torch.Generator().manual_seed(0)))
    threads = torch.get_num_threads() if device == "cpu" else 1
    plain = seconds(waited(lambda: fit_one_by_one(points, sdf, config, torch.Generator().manual_seed(0))), 1, warm=0)
    keep_freed_memory()
    if device == "cpu":
        torch.set_num_threads(1)  # a zoo is built by one process a core
    ours = seconds(
        waited(lambda: fit(points, sdf, config, torch.Generator().manual_seed(0), compile_step=True)), repeats=2
    )
    alone = config.steps * seconds(waited(products((networks, config.points, *config.hidden), device=device)))
    if device == "cpu":
        torch.set_num_threads(threads)
    return {
        "benchmark": f"fitting {networks} networks, {config.steps} steps (one process a core)",
        "reference_ms": 1e3 * plain,
        "ours_ms": 1e3 * ours / threads,
        "ratio": plain * threads / ours,
        "products_alone_ms": 1e3 * alone / threads,
        "ratio_at_best": plain * threads / alone,
    }


def measure() -> list[dict]:
    return on_both(lambda device: [measure_steps(device), measure_zoo(device)])
