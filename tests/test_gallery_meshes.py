"""Meshes of the networks that ship are those of dense grids."""

from functools import lru_cache
from pathlib import Path

import igl
import numpy as np
import pytest
import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.fields import network_field
from netspace.functional import run
from netspace.grids import dense_grid, sparse_grid
from netspace.mesh import grid_mesh
from netspace.spaces import Gallery, load_space

SHIPPED = Path(__file__).parent.parent / "checkpoints" / "chairs"


@lru_cache(maxsize=1)
def shipped() -> tuple[Architecture, Tensor]:
    """The architecture, and the gallery's decoded networks [N, P]."""
    space, gallery = load_space(SHIPPED), Gallery.open(SHIPPED / "gallery")
    with torch.no_grad():
        return space.architectures[0], space.decode(gallery.latents).theta


@pytest.mark.parametrize(("resolution", "every"), [(64, 4), (128, 24)])
def test_coarse_to_fine_gives_the_dense_grids_vertices_and_faces(resolution: int, every: int) -> None:
    arch, thetas = shipped()
    for theta in thetas[::every]:
        field = network_field(arch, theta, tolerance=0.1 * 2 / resolution)
        sparse, dense = sparse_grid(field, resolution), dense_grid(field, resolution)
        assert sparse.evaluated < dense.evaluated / 4
        ours, theirs = grid_mesh(sparse), grid_mesh(dense)
        assert (ours.faces == theirs.faces).all()
        assert abs(ours.vertices - theirs.vertices).max() < 1e-5


def test_the_surface_lies_within_a_tenth_of_a_cell_of_where_exact_evaluation_puts_it() -> None:
    arch, thetas = shipped()
    for theta in thetas[:3]:
        ours = grid_mesh(sparse_grid(network_field(arch, theta, tolerance=0.1 * 2 / 64), 64))
        exact = grid_mesh(sparse_grid(lambda points, theta=theta: run(arch, theta[None], points)[0], 64))
        for a, b in ((ours, exact), (exact, ours)):
            squares = igl.point_mesh_squared_distance(np.array(a.vertices), np.array(b.vertices), np.array(b.faces))[0]
            cells = np.sqrt(squares) / (2 / 64)
            assert cells.mean() < 0.02
            assert (cells < 0.1).mean() > 0.999
