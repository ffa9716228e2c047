"""How well points are fitted: held-out chairs from 2,000 points of their surface, and from the half of one side.

    python benchmarks/fit_points.py --space checkpoints/chairs                # procedural chairs that are in no zoo
    python benchmarks/fit_points.py --space checkpoints/chairs --zoo zoos/x   # the zoo's held-out networks

Prints one JSON object: mean, median and worst IoU with the true shape at 64^3, and the seconds a fit took.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from netspace.behaviours import crossings
from netspace.data.clouds import Cloud
from netspace.data.points import surface_points
from netspace.data.sources import chair_of_seed
from netspace.familiarity import prior_of
from netspace.grids import Grid, iou, sparse_grid
from netspace.lso import LsoConfig, begin, optimise
from netspace.mesh import network_grid
from netspace.point_fit import Evidence, FitPoints, PointsConfig, with_details
from netspace.prior import Prior
from netspace.runtime import keep_freed_memory, pick_device
from netspace.spaces import Gallery, Space, load_space
from netspace.zoo import Zoo

RESOLUTION = 64
HELD_OUT = 900_000_000
"""Seeds from here on are those of no zoo."""


def procedural() -> Iterator[tuple[Grid, Callable[[int, torch.Generator], Tensor]]]:
    """(grid, draw(count, generator) -> points [count, 3]) of chairs that no zoo holds."""
    seed = HELD_OUT
    while True:
        chair = chair_of_seed(seed)
        yield sparse_grid(chair.sdf, RESOLUTION), lambda n, g, chair=chair: surface_points(chair, n, g)
        seed += 1


def held_out(root: Path) -> Iterator[tuple[Grid, Callable[[int, torch.Generator], Tensor]]]:
    """The same of a zoo's test networks."""
    zoo = Zoo.open(root)
    for index in zoo.indices("test"):
        theta = zoo.theta([index])[0]
        surface = crossings(network_grid(zoo.arch, theta, 128))

        def draw(count: int, generator: torch.Generator, surface: Tensor = surface) -> Tensor:
            return surface[torch.randperm(len(surface), generator=generator)[:count]]

        yield network_grid(zoo.arch, theta, RESOLUTION), draw


def one_side(points: Tensor, generator: torch.Generator) -> tuple[Tensor, PointsConfig]:
    """The half of points [N, 3] that lies furthest in a random direction, and that the rest was not seen."""
    direction = torch.randn(3, generator=generator)
    far = points @ direction
    half = far >= far.median()
    x, y, z = direction.tolist()
    return points[half], PointsConfig(seen=(x, y, z, float(far.median())))


def fit(
    space: Space, latents: Tensor, prior: Prior, points: Tensor, known: PointsConfig, config: LsoConfig
) -> tuple[Tensor, float]:
    """(the best latent [D], seconds) for points [N, 3], from the best of latents [M, D]."""
    began = time.monotonic()
    objective = FitPoints(space, Evidence.of(Cloud(points), known).to(space.device), known)
    config = with_details(config, known)
    state = begin(objective, prior, config, latents.to(space.device))
    for update in optimise(objective, prior, config, state):
        state = update.state
    return state.best, time.monotonic() - began


def summary(ious: list[float], seconds: list[float]) -> dict[str, float]:
    figures = {"mean": np.mean(ious), "median": np.median(ious), "worst": min(ious), "seconds": np.mean(seconds)}
    return {"chairs": len(ious), **{name: round(float(value), 4) for name, value in figures.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", type=Path, default=Path("checkpoints/chairs"))
    parser.add_argument("--zoo", type=Path)
    parser.add_argument("--chairs", type=int, default=50)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--prior", type=float, default=1e-2)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    keep_freed_memory()
    space = load_space(asked.space, pick_device(asked.device))
    codes = Gallery.open(asked.space / "gallery").codes
    latents, prior = space.without_details(codes), prior_of(asked.space, codes).to(space.device)
    config = LsoConfig(steps=asked.steps, lr=asked.lr, prior=asked.prior)
    shapes = held_out(asked.zoo) if asked.zoo else procedural()
    found: dict[str, tuple[list[float], list[float]]] = {"all points": ([], []), "one side": ([], [])}
    for number, (grid, draw) in enumerate(islice(shapes, asked.chairs)):
        generator = torch.Generator().manual_seed(number)
        points = draw(asked.points, generator).clamp(-1, 1)
        asked_for = {"all points": (points, PointsConfig()), "one side": one_side(points, generator)}
        for kind, (given, known) in asked_for.items():
            z, seconds = fit(space, latents, prior, given, known, config)
            with torch.no_grad():
                theta = space.decode(z[None]).theta[0]
            decoded = network_grid(space.architectures[0], theta, RESOLUTION)
            found[kind][0].append(iou(decoded.occupied().cpu(), grid.occupied().cpu()))
            found[kind][1].append(seconds)
        means = ", ".join(f"{kind} {np.mean(figures[0]):.3f}" for kind, figures in found.items())
        print(f"{number + 1} of {asked.chairs} chairs, mean IoU: {means}", file=sys.stderr, flush=True)
    settings = {"points": asked.points, "steps": asked.steps, "lr": asked.lr, "prior": asked.prior}
    print(json.dumps({**settings, **{kind: summary(*figures) for kind, figures in found.items()}}, indent=2))


if __name__ == "__main__":
    main()
