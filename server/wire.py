"""Binary answers: the mesh format of the page, file names, and entity tags."""

import hashlib
import re
import struct
from collections.abc import Iterable

import numpy as np
import trimesh

from netspace.mesh import mesh_bytes

MAGIC = b"NSM2"
MESH_MEDIA = {
    "bin": "application/octet-stream",
    "glb": "model/gltf-binary",
    "stl": "model/stl",
    "ply": "application/octet-stream",
    "obj": "model/obj",
}
NETWORK_MEDIA = "application/octet-stream"


def bin_bytes(mesh: trimesh.Trimesh) -> bytes:
    """NSM2, little-endian: counts V, F and zero as uint32; V x 3 float16 positions; F x 3 uint32 indices.

    The positions are filled up with zeros to a multiple of four bytes. Half precision is finer than a fifteenth of a
    cell at 256^3 anywhere in the cube.
    """
    head = struct.pack("<4sIII", MAGIC, len(mesh.vertices), len(mesh.faces), 0)
    positions = np.asarray(mesh.vertices).astype("<f2").tobytes()
    return head + positions + bytes(-len(positions) % 4) + np.asarray(mesh.faces).astype("<u4").tobytes()


def encode_mesh(mesh: trimesh.Trimesh, file_format: str) -> bytes:
    """The mesh in a format of MESH_MEDIA."""
    return bin_bytes(mesh) if file_format == "bin" else mesh_bytes(mesh, file_format)


def attachment(name: str, suffix: str) -> dict[str, str]:
    """Header by which a browser saves the answer under a safe name."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "network"
    return {"Content-Disposition": f'attachment; filename="{safe}.{suffix}"'}


def entity_tag(parts: Iterable[bytes]) -> str:
    """A weak tag: the same parts, the same mesh, though its last bits depend on what was computed beside it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return f'W/"{digest.hexdigest()[:32]}"'


def tag_matches(if_none_match: str | None, tag: str) -> bool:
    """Whether a client that sent this If-None-Match has the entity already."""
    if if_none_match is None:
        return False
    known = [item.strip().removeprefix("W/") for item in if_none_match.split(",")]
    return "*" in known or tag.removeprefix("W/") in known
