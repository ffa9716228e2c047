"""Solid voxel grids as shapes: a smoothed distance field, interpolated trilinearly."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from netspace.data.shapes import HALF_EXTENT
from netspace.errors import BadShapeFile

UPSAMPLE = 3
BLUR = 1.3  # in upsampled voxels; wider blurs dissolve parts that are one voxel thick
LEVEL = 0.37
FIELD = 96  # resolution of the stored distance field


@dataclass(frozen=True)
class VoxelShape:
    """field [FIELD, FIELD, FIELD]: signed distance at the cell corners of [-1, 1]^3, axes (x, y, z)."""

    field: Tensor
    source: str

    def sdf(self, points: Tensor) -> Tensor:
        volume = self.field.permute(2, 1, 0)[None, None]  # grid_sample reads (depth z, height y, width x)
        grid = points.clamp(-1, 1).reshape(1, -1, 1, 1, 3)
        return F.grid_sample(volume, grid, align_corners=True).reshape(-1)

    def properties(self) -> dict[str, str | float]:
        return {}


def from_voxels(solid: np.ndarray, source: str = "voxels") -> VoxelShape:
    """solid [X, Y, Z] bool, axes x, y (up), z (front) -> shape with its bounding box normalised.

    Raises BadShapeFile if the grid is not 3-D, empty or larger than 256 a side.
    """
    if solid.ndim != 3 or max(solid.shape) > 256:
        raise BadShapeFile(f"expected a voxel grid of 3 dimensions, at most 256 a side, got shape {solid.shape}")
    if not solid.any():
        raise BadShapeFile("expected a voxel grid with solid voxels, got an empty one")
    padded = np.pad(solid.astype(np.float32), 3)
    fine = ndimage.gaussian_filter(padded.repeat(UPSAMPLE, 0).repeat(UPSAMPLE, 1).repeat(UPSAMPLE, 2), BLUR)
    inside = fine > LEVEL
    if not inside.any():
        raise BadShapeFile("the voxel grid's parts are too thin to have an inside")
    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    distance = ndimage.gaussian_filter(distance.astype(np.float32), 0.6)
    where = np.argwhere(inside)
    low, high = where.min(0) - 0.5, where.max(0) + 0.5
    scale = HALF_EXTENT / ((high - low).max() / 2)  # cube units per fine voxel
    axis = np.linspace(-1, 1, FIELD) / scale
    grid = np.stack(np.meshgrid(*[axis + c for c in (low + high) / 2], indexing="ij"))
    field = ndimage.map_coordinates(distance, grid, order=1, mode="nearest") * scale
    return VoxelShape(torch.from_numpy(field.astype(np.float32)), source)


def load_modelnet_chairs(path: Path) -> list[tuple[int, np.ndarray]]:
    """(source number, solid [32, 32, 32] in x, y up, z front) of every chair of a packed ModelNet file.

    The file holds `solid` (M, 4096) packed bits with axis 2 up and the back towards +axis 1, and `index` (M,).
    """
    try:
        with np.load(path) as data:
            packed, index = data["solid"], data["index"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BadShapeFile(f"{path}: expected an npz with `solid` and `index` ({error})") from error
    grids = np.unpackbits(packed, axis=1).reshape(-1, 32, 32, 32).astype(bool)
    turned = grids.transpose(0, 1, 3, 2)[:, :, :, ::-1]
    return [(int(i), np.ascontiguousarray(g)) for i, g in zip(index, turned, strict=True)]
