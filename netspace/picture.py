"""Small pictures of meshes, drawn without a display: a z-buffer of points sampled on the surface."""

import math

import numpy as np
import trimesh

LIGHT = np.array([0.35, 0.8, 0.5]) / np.linalg.norm([0.35, 0.8, 0.5])
VIEW = (35.0, 22.0)
"""Azimuth from the front and elevation, in degrees."""


def _camera(azimuth: float, elevation: float) -> np.ndarray:
    """Rotation [3, 3]: rows are the picture's right, its up, and towards the viewer."""
    a, e = math.radians(azimuth), math.radians(elevation)
    toward = np.array([math.sin(a) * math.cos(e), math.sin(e), math.cos(a) * math.cos(e)])
    right = np.array([math.cos(a), 0.0, -math.sin(a)])
    return np.stack([right, np.cross(toward, right), toward])


def picture(
    mesh: trimesh.Trimesh | None,
    size: int = 128,
    colour: tuple[int, int, int] = (122, 158, 209),
    view: tuple[float, float] = VIEW,
) -> np.ndarray:
    """Mesh in [-1, 1]^3 -> image [size, size, 4] uint8 with a transparent background; None gives an empty one."""
    image = np.zeros((size, size, 4), np.uint8)
    if mesh is None or not len(mesh.faces):
        return image
    fine, camera = size * 2, _camera(*view)
    count = fine * fine * 6
    points, faces = trimesh.sample.sample_surface(mesh, count, seed=0)
    normals = mesh.face_normals[faces]
    seen = points @ camera.T
    scale = fine / 2.5
    column = np.clip(seen[:, 0] * scale + fine / 2, 0, fine - 1).astype(int)
    row = np.clip(fine / 2 - seen[:, 1] * scale, 0, fine - 1).astype(int)
    order = np.argsort(seen[:, 2], kind="stable")  # the nearest is written last
    shade = 0.35 + 0.65 * np.clip(normals @ LIGHT, 0, 1)
    canvas = np.zeros((fine, fine, 4))
    canvas[row[order], column[order], :3] = shade[order, None] * np.array(colour)
    canvas[row[order], column[order], 3] = 255
    blocks = canvas.reshape(size, 2, size, 2, 4).mean((1, 3))
    cover = blocks[..., 3:] / 255
    image[..., :3] = (blocks[..., :3] / np.maximum(cover, 1e-6)).clip(0, 255)
    image[..., 3] = blocks[..., 3]
    return image


def sheet(rows: list[list[np.ndarray]], background: int = 255) -> np.ndarray:
    """Images [S, S, 4] in rows -> one opaque image [H, W, 3] uint8."""
    size, columns = rows[0][0].shape[0], max(map(len, rows))
    out = np.full((len(rows) * size, columns * size, 3), background, np.uint8)
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            alpha = image[..., 3:] / 255
            blend = image[..., :3] * alpha + background * (1 - alpha)
            out[r * size : (r + 1) * size, c * size : (c + 1) * size] = blend
    return out
