"""Meshing: coarse to fine, evaluated fast, against every corner in chunks."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.reference import dense_mesh
from benchmarks.timing import on_both, seconds
from netspace import native
from netspace.archs import Siren
from netspace.fields import network_field, prepare
from netspace.mesh import grid_mesh, network_grid, network_mesh
from netspace.spaces import Gallery, load_space

SPACE = Path("checkpoints/chairs")
TENTH = 0.1
"""Of a cell: what meshing evaluates to."""


def each(call: Callable[..., object], items: Iterable[object], repeats: int) -> float:
    """Mean over the items of the seconds that `call` takes for one of them."""
    taken = [seconds(partial(call, item), repeats, warm=repeats > 1) for item in items]
    return sum(taken) / len(taken)


@contextmanager
def on_tensors() -> Iterator[None]:
    """As where there was no C compiler."""
    with patch.dict(os.environ, {native.WANTED: "false"}):
        native.library.cache_clear()
        yield
    native.library.cache_clear()


def measure_at(resolution: int, arch: Siren, thetas: Tensor, repeats: int) -> dict:
    """Seconds for the reference and for us, their ratio, and what bounds ours, on the networks' device."""
    dense = each(lambda theta: dense_mesh(arch, theta, resolution), thetas, 1)
    ours = each(lambda theta: network_mesh(arch, theta, resolution), thetas, repeats)
    with on_tensors():
        tensors = each(lambda theta: network_mesh(arch, theta, resolution), thetas, repeats)
    grids = [network_grid(arch, theta, resolution) for theta in thetas]
    evaluated = sum(grid.evaluated for grid in grids) // len(grids)
    points = torch.rand(evaluated, 3, device=thetas.device) * 2 - 1

    def evaluate(theta: Tensor) -> Tensor:
        return network_field(arch, theta, tolerance=TENTH * 2 / resolution)(points).cpu()

    evaluation, cubes = each(evaluate, thetas, repeats), each(grid_mesh, grids, repeats)
    return {
        "benchmark": f"meshing {resolution}^3",
        "reference_ms": 1e3 * dense,
        "ours_ms": 1e3 * ours,
        "on_tensors_ms": 1e3 * tensors,
        "ratio": dense / ours,
        "evaluation_alone_ms": 1e3 * evaluation,
        "marching_cubes_alone_ms": 1e3 * cubes,
        "both_alone_ms": 1e3 * (evaluation + cubes),
        "ratio_at_best": dense / (evaluation + cubes),
        "evaluated_share": evaluated / (resolution + 1) ** 3,
    }


def measure_on(device: str, networks: int) -> list[dict]:
    space, gallery = load_space(SPACE, device), Gallery.open(SPACE / "gallery")
    arch = space.architectures[0]
    assert isinstance(arch, Siren)
    with torch.no_grad():
        thetas = space.decode(gallery.latents[:networks].to(device)).theta
    prepare(arch, device)
    return [
        measure_at(64, arch, thetas, 5),
        measure_at(128, arch, thetas, 3),
        measure_at(256, arch, thetas[:1], 2),
    ]


def measure(networks: int = 4) -> list[dict]:
    return on_both(lambda device: measure_on(device, networks))
