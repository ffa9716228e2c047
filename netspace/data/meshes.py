"""User meshes as shapes: repaired, normalised, signed by the fast winding number."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import trimesh
from torch import Tensor

from netspace.data.shapes import HALF_EXTENT
from netspace.errors import BadShapeFile

MESH_SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".off")
MAX_FACES = 2_000_000


@dataclass(frozen=True)
class MeshShape:
    """vertices [V, 3] and faces [F, 3] in the cube."""

    vertices: np.ndarray
    faces: np.ndarray
    source: str

    def sdf(self, points: Tensor) -> Tensor:
        import igl

        at = points.detach().cpu().double().numpy()
        squared, _, _ = igl.point_mesh_squared_distance(at, self.vertices, self.faces)
        winding = igl.fast_winding_number(self.vertices, self.faces, at)
        distance = np.sqrt(squared) * np.where(np.abs(winding) > 0.5, -1.0, 1.0)
        return torch.from_numpy(distance).to(points.dtype)

    def surface(self, count: int, seed: int) -> Tensor:
        mesh = trimesh.Trimesh(self.vertices, self.faces, process=False)
        points, _ = trimesh.sample.sample_surface(mesh, count, seed=seed)
        return torch.from_numpy(np.asarray(points)).float()

    def properties(self) -> dict[str, str | float]:
        return {}


def from_trimesh(mesh: trimesh.Trimesh, source: str = "mesh", normalise: bool = True) -> MeshShape:
    """Merged, de-duplicated, consistently oriented; with `normalise` its box is centred and scaled into the cube.

    Raises BadShapeFile for no faces, too many of them, non-finite vertices or a flat point.
    """
    if not 0 < len(mesh.faces) <= MAX_FACES:
        raise BadShapeFile(f"{source}: expected 1 to {MAX_FACES} triangles, got {len(mesh.faces)}")
    if not np.isfinite(mesh.vertices).all():
        raise BadShapeFile(f"{source}: expected finite vertices, got NaN or infinity")
    mesh = trimesh.Trimesh(mesh.vertices, mesh.faces, process=True)
    mesh.update_faces(mesh.unique_faces() & mesh.nondegenerate_faces())
    if not len(mesh.faces):
        raise BadShapeFile(f"{source}: every triangle is degenerate")
    trimesh.repair.fix_normals(mesh, multibody=True)
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    if normalise:
        low, high = mesh.bounds
        vertices = (vertices - (low + high) / 2) * (HALF_EXTENT / ((high - low).max() / 2))
    return MeshShape(np.ascontiguousarray(vertices), np.ascontiguousarray(mesh.faces, dtype=np.int64), source)


def load_mesh(path: Path, normalise: bool = True) -> MeshShape:
    """Reads obj, ply, stl, glb or off. Raises BadShapeFile if it is none of them or cannot be read."""
    if path.suffix.lower() not in MESH_SUFFIXES:
        raise BadShapeFile(f"{path.name}: expected one of {', '.join(MESH_SUFFIXES)}")
    try:
        mesh = trimesh.load_mesh(path)
    except Exception as error:  # trimesh's readers raise whatever their format's parser raises
        raise BadShapeFile(f"{path.name}: cannot be read as a mesh ({type(error).__name__}: {error})") from error
    if not isinstance(mesh, trimesh.Trimesh):
        raise BadShapeFile(f"{path.name}: expected a triangle mesh, got {type(mesh).__name__}")
    return from_trimesh(mesh, path.name, normalise)
