"""Meshing: coarse to fine with the fused kernel against every corner in chunks."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.reference import dense_mesh
from benchmarks.timing import seconds
from netspace.archs import Siren
from netspace.fields import network_field, prepare
from netspace.mesh import grid_mesh, network_grid, network_mesh
from netspace.spaces import Gallery, load_space

SPACE = Path("checkpoints/chairs")


def each(call: Callable[..., object], items: Iterable[object], repeats: int) -> float:
    """Mean over the items of the seconds that `call` takes for one of them."""
    taken = [seconds(partial(call, item), repeats, warm=repeats > 1) for item in items]
    return sum(taken) / len(taken)


def measure_at(resolution: int, arch: Siren, thetas: Tensor, repeats: int) -> dict:
    """Seconds for the reference and for us, their ratio, and what bounds ours."""
    dense = each(lambda theta: dense_mesh(arch, theta, resolution), thetas, 1)
    ours = each(lambda theta: network_mesh(arch, theta, resolution), thetas, repeats)
    grids = [network_grid(arch, theta, resolution) for theta in thetas]
    evaluated = sum(grid.evaluated for grid in grids) // len(grids)
    points = torch.rand(evaluated, 3) * 2 - 1
    return {
        "benchmark": f"meshing {resolution}^3",
        "reference_ms": 1e3 * dense,
        "ours_ms": 1e3 * ours,
        "ratio": dense / ours,
        "evaluation_alone_ms": 1e3 * each(lambda theta: network_field(arch, theta)(points), thetas[:1], repeats),
        "marching_cubes_alone_ms": 1e3 * each(grid_mesh, grids, repeats),
        "evaluated_share": evaluated / (resolution + 1) ** 3,
    }


def measure(networks: int = 4) -> list[dict]:
    space, gallery = load_space(SPACE), Gallery.open(SPACE / "gallery")
    arch = space.architectures[0]
    assert isinstance(arch, Siren)
    with torch.no_grad():
        thetas = space.decode(gallery.latents[:networks]).theta
    prepare(arch)
    return [
        measure_at(64, arch, thetas, 5),
        measure_at(128, arch, thetas, 3),
        measure_at(256, arch, thetas[:1], 2),
    ]
