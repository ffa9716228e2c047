"""Point clouds: where a shape's surface was seen, read from files of points or sampled from a mesh."""

import io
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from netspace.data.shape_file import MAX_FACES, check_shape_file
from netspace.data.shapes import HALF_EXTENT
from netspace.errors import BadPointCloud, NetSpaceError
from netspace.safetensors_file import check_safetensors

FEWEST, MOST = 16, 200_000
SAMPLED = 8192
"""Points drawn from the surface of a mesh, by area."""


@dataclass(frozen=True)
class Cloud:
    """points [N, 3] and, where they are known, unit normals [N, 3] that point outwards.

    Raises BadPointCloud for another shape, NaN or infinity, or too few or too many points.
    """

    points: Tensor
    normals: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.points.shape)
        if len(shape) != 2 or shape[1] != 3 or not FEWEST <= shape[0] <= MOST:
            raise BadPointCloud(f"points: expected [N, 3] with N in {FEWEST} to {MOST}, got {list(shape)}")
        if self.normals is not None and tuple(self.normals.shape) != shape:
            raise BadPointCloud(f"normals: expected {list(shape)} like the points, got {list(self.normals.shape)}")
        if not all(bool(torch.isfinite(x).all()) for x in (self.points, self.normals) if x is not None):
            raise BadPointCloud("points: expected finite numbers, got NaN or infinity")

    def normalised(self) -> "Cloud":
        """Its box centred and scaled to the largest half extent of the shapes of a zoo. For whole objects only."""
        low, high = self.points.amin(0), self.points.amax(0)
        half = float((high - low).max()) / 2
        if half == 0:
            raise BadPointCloud(f"points: expected distinct points, got {len(self.points)} equal ones")
        return Cloud((self.points - (low + high) / 2) * (HALF_EXTENT / half), self.normals)

    def in_cube(self) -> "Cloud":
        """Itself. Raises BadPointCloud if a point lies outside [-1, 1]^3."""
        reach = float(self.points.abs().max())
        if reach > 1:
            raise BadPointCloud(f"points: expected them in [-1, 1]^3, got one at {reach:.4g}; normalise a whole object")
        return self


def _unit(normals: np.ndarray) -> Tensor:
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    if not (length > 0).all():
        raise BadPointCloud("normals: expected non-zero vectors, got a zero")
    return torch.from_numpy(normals / length).float()


def cloud_of_rows(rows: np.ndarray) -> Cloud:
    """rows [N, 3] of points, or [N, 6] of points and normals."""
    if rows.ndim != 2 or rows.shape[1] not in (3, 6) or rows.dtype.kind not in "fiu":
        raise BadPointCloud(f"expected numbers [N, 3], or [N, 6] with normals, got {rows.dtype} {list(rows.shape)}")
    rows = rows.astype(np.float64)
    points = torch.from_numpy(np.ascontiguousarray(rows[:, :3])).float()
    return Cloud(points, _unit(rows[:, 3:]) if rows.shape[1] == 6 else None)


def cloud_of_mesh(mesh: trimesh.Trimesh, seed: int = 0) -> Cloud:
    """SAMPLED points by area. Normals only where the mesh is watertight: otherwise nobody knows what is outside."""
    if not 0 < len(mesh.faces) <= MAX_FACES:
        raise BadPointCloud(f"expected 1 to {MAX_FACES} triangles, got {len(mesh.faces)}")
    if not np.isfinite(mesh.vertices).all() or mesh.area <= 0:
        raise BadPointCloud("expected finite vertices and triangles with an area")
    points, faces = trimesh.sample.sample_surface(mesh, SAMPLED, seed=seed)
    normals = np.asarray(mesh.face_normals)[faces] * (1 if mesh.volume > 0 else -1)
    return Cloud(torch.from_numpy(np.asarray(points)).float(), _unit(normals) if mesh.is_watertight else None)


def _read_geometry(content: bytes, kind: str) -> Cloud:
    """Nothing beside the file is opened: there is no resolver, and materials are left out."""
    loaded = trimesh.load(io.BytesIO(content), file_type=kind, skip_materials=True)
    if isinstance(loaded, trimesh.Scene):
        loaded = loaded.to_geometry()
    if isinstance(loaded, trimesh.Trimesh) and len(loaded.faces):
        return cloud_of_mesh(loaded)
    return cloud_of_rows(np.asarray(getattr(loaded, "vertices", np.empty((0, 3)))))


def _read_text(content: bytes) -> Cloud:
    text = content.decode("utf-8").replace(",", " ")
    return cloud_of_rows(np.loadtxt(io.StringIO(text), ndmin=2, max_rows=MOST + 1))


def read_cloud(content: bytes) -> Cloud:
    """A file's points: meshes (obj, ply, stl, glb, off; a ply may hold points alone), text of 3 or 6 columns, or npy.

    Which of them it is its first bytes tell. Nothing in the file is executed or followed. Raises BadPointCloud.
    """
    kind = check_shape_file(content)
    try:
        if kind == "npy":
            return cloud_of_rows(np.load(io.BytesIO(content), allow_pickle=False))
        return _read_text(content) if kind == "text" else _read_geometry(content, kind)
    except BadPointCloud:
        raise
    except Exception as error:  # trimesh's readers raise whatever their format's parser raises
        raise BadPointCloud(f"cannot be read as {kind} ({type(error).__name__}: {str(error)[:200]})") from error


def cloud_bytes(cloud: Cloud) -> bytes:
    """safetensors with `points` and, where they are known, `normals`. Inverse of `cloud_from`."""
    tensors = {"points": cloud.points, "normals": cloud.normals}
    return save({name: values.contiguous() for name, values in tensors.items() if values is not None})


def cloud_from(content: bytes) -> Cloud:
    """Inverse of `cloud_bytes`. Raises BadPointCloud."""
    try:
        check_safetensors(content)
        tensors = load(content)
        return Cloud(tensors["points"].float(), tensors["normals"].float() if "normals" in tensors else None)
    except (NetSpaceError, SafetensorError, KeyError) as error:
        raise BadPointCloud(f"expected points as safetensors ({error})") from error
