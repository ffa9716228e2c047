"""How alike two solids are: volumes by IoU, surfaces by Chamfer distance and F-score."""

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from netspace.errors import EmptyLevelSet
from netspace.grids import Grid, iou
from netspace.mesh import grid_mesh

TOLERANCE = 0.02
"""Distance within which a surface point counts as found: two thirds of a cell at 64^3."""
SURFACE_POINTS = 40_000
"""So many that a surface sampled twice finds itself (F-score 1); the Chamfer distance keeps a floor of about 0.005."""


@dataclass(frozen=True)
class Likeness:
    """`chamfer`: mean distance to the other surface, averaged over both directions, in the cube's units.

    `f_score`: harmonic mean of the shares of either surface within TOLERANCE of the other. Points are drawn by area,
    of which a thin part has much where its volume is little, so that a lost spindle shows.
    """

    iou: float
    chamfer: float
    f_score: float


def surface(grid: Grid) -> np.ndarray:
    """[SURFACE_POINTS, 3] by area, or [0, 3] where there is no surface."""
    try:
        points, _ = trimesh.sample.sample_surface(grid_mesh(grid), SURFACE_POINTS, seed=0)
    except EmptyLevelSet:
        return np.empty((0, 3))
    return np.asarray(points)


def surface_distances(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """(Chamfer distance, F-score) of points [N, 3] and [M, 3]; a missing surface gives (2, 0)."""
    if not len(a) or not len(b):
        return 2.0, 0.0
    to_b, to_a = cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]
    found, wanted = float((to_b < TOLERANCE).mean()), float((to_a < TOLERANCE).mean())
    f_score = 2 * found * wanted / (found + wanted) if found + wanted else 0.0
    return float(to_b.mean() + to_a.mean()) / 2, f_score


def likeness(a: Grid, b: Grid) -> Likeness:
    """Of two fields on grids of the same resolution."""
    chamfer, f_score = surface_distances(surface(a), surface(b))
    return Likeness(iou(a.occupied(), b.occupied()), chamfer, f_score)
