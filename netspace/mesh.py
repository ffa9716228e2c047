"""SDF network (or any field) -> triangle mesh in [-1, 1]^3, and its export."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import trimesh
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from netspace.archs import Architecture
from netspace.cores import in_parallel
from netspace.cubes import marching_cubes
from netspace.errors import EmptyLevelSet, NetSpaceError
from netspace.fields import network_field
from netspace.files import atomic_path
from netspace.grids import Grid, sparse_grid

FORMATS = ("glb", "stl", "ply", "obj")


def network_grid(arch: Architecture, theta: Tensor, resolution: int = 64) -> Grid:
    """theta [P] on the grid of `resolution` cells a side, on theta's device."""
    return sparse_grid(network_field(arch, theta), resolution, theta.device)


def grid_mesh(grid: Grid) -> trimesh.Trimesh:
    """Marching cubes at level zero, vertices in [-1, 1]^3, faces outward. Raises EmptyLevelSet where there is none.

    A solid that reaches the cube's faces is closed there, so the mesh is watertight.
    """
    values = grid.values.float()
    inside = int((values < 0).sum())
    if not inside:
        raise EmptyLevelSet(
            f"no point of the {grid.resolution}^3 grid lies inside: the field's minimum is {values.min():.4g}"
        )
    if inside == values.numel():
        raise EmptyLevelSet(
            f"every point of the {grid.resolution}^3 grid lies inside: the field's maximum is {values.max():.4g}"
        )
    vertices, faces = marching_cubes(F.pad(values, (1,) * 6, value=2.0 / grid.resolution))
    vertices = ((vertices - 1) * (2.0 / grid.resolution) - 1).clamp(-1, 1)
    return trimesh.Trimesh(vertices.cpu().numpy(), faces.cpu().numpy(), process=False)


def network_mesh(arch: Architecture, theta: Tensor, resolution: int = 64) -> trimesh.Trimesh:
    """theta [P] -> mesh; raises EmptyLevelSet."""
    return _mesh(arch, theta, resolution, alone=False)


def _mesh(arch: Architecture, theta: Tensor, resolution: int, alone: bool) -> trimesh.Trimesh:
    """Of values to a tenth of a cell."""
    field = network_field(arch, theta, alone, tolerance=0.1 * 2 / resolution)
    return grid_mesh(sparse_grid(field, resolution, theta.device))


def network_meshes(arch: Architecture, thetas: Tensor, resolution: int = 64) -> list[trimesh.Trimesh | None]:
    """thetas [T, P] -> a mesh for each, None where there is no surface; on a CPU, as many at a time as it has cores."""

    def mesh(theta: Tensor) -> trimesh.Trimesh | None:
        try:
            return _mesh(arch, theta, resolution, alone=len(thetas) > 1)
        except EmptyLevelSet:
            return None

    return in_parallel(mesh, thetas) if thetas.device.type == "cpu" else [mesh(theta) for theta in thetas]


@dataclass(frozen=True)
class Solidity:
    """What a solid is made of: `parts` counts connected components of inside corners (26 neighbours)."""

    volume: float
    parts: int
    largest_share: float

    @classmethod
    def of(cls, grid: Grid) -> "Solidity":
        inside = grid.occupied().cpu().numpy()
        total = int(inside.sum())
        if not total:
            return cls(volume=0.0, parts=0, largest_share=0.0)
        labels, count = ndimage.label(inside, structure=np.ones((3, 3, 3)))
        largest = int(np.bincount(labels.ravel())[1:].max())
        return cls(volume=total * (2.0 / grid.resolution) ** 3, parts=int(count), largest_share=largest / total)


def mesh_bytes(mesh: trimesh.Trimesh, file_format: str) -> bytes:
    """The mesh in one of FORMATS. Raises NetSpaceError for another format."""
    if file_format not in FORMATS:
        raise NetSpaceError(f"format: expected one of {', '.join(FORMATS)}, got {file_format!r}")
    content = mesh.export(file_type=file_format)
    return content.encode() if isinstance(content, str) else bytes(content)


def save_mesh(mesh: trimesh.Trimesh, path: Path) -> None:
    """Writes the mesh in the format its suffix names, through a temporary name."""
    content = mesh_bytes(mesh, path.suffix.removeprefix(".").lower())
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def as_float32(values: Tensor | np.ndarray) -> np.ndarray:
    """Positions as the wire carries them: contiguous little-endian float32."""
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values
    return np.ascontiguousarray(array, dtype="<f4")
