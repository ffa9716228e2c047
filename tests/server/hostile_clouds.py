"""Meshes and points that mean harm, made anew for every run: a name, and how to write the file."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from hostile import Calls

Make = Callable[[], bytes]
BALL = trimesh.creation.icosphere(2, 0.5)


def exported(kind: str) -> bytes:
    """A good file."""
    content = BALL.export(file_type=kind)
    return content.encode() if isinstance(content, str) else content


GOOD = {kind: exported(kind) for kind in ("stl", "ply", "glb", "off", "obj")}


def npy(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def npy_header(shape: str, dtype: str = "<f4", data: bytes = b"") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def ply(header: str, data: bytes = b"") -> bytes:
    return f"ply\nformat {header}\nend_header\n".encode() + data


FACES = "property list uchar int vertex_indices"
PLACES = "property float x\nproperty float y\nproperty float z"


def glb(change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The good glb with another tree: changed in place, or what `change` answers."""
    size = int.from_bytes(GOOD["glb"][12:16], "little")
    tree = json.loads(GOOD["glb"][20 : 20 + size])
    changed = change(tree)
    encoded = changed if isinstance(changed, bytes) else json.dumps(tree).encode()
    encoded += b" " * (-len(encoded) % 4)
    rest = GOOD["glb"][20 + size :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(encoded) + len(rest), len(encoded), 0x4E4F534A)
    return head + encoded + rest


def circle(tree: dict[str, Any]) -> None:
    tree["nodes"] = [{"children": [1]}, {"children": [0], "mesh": 0}]


def doubling(tree: dict[str, Any]) -> None:
    """Forty levels, each showing the next one twice."""
    tree["nodes"] = [{"children": [i + 1, i + 1]} for i in range(40)] + [{"mesh": 0}]


def deep(tree: dict[str, Any]) -> None:
    tree["nodes"] = [{"children": [i + 1]} for i in range(9_000)] + [{"mesh": 0}]
    tree["scenes"] = [{"nodes": [0]}]


def setting(*path: Any, value: Any) -> Make:
    """The good glb with `value` at a path of keys."""

    def change(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return lambda: glb(change)


def glbs() -> Iterator[tuple[str, Make]]:
    outside = {"uri": "file:///etc/passwd", "byteLength": 100}
    yield "a glb whose buffer is another file", setting("buffers", value=[outside])
    yield "a glb whose buffer is on the network", setting("buffers", value=[{**outside, "uri": "http://127.0.0.1/x"}])
    yield "a glb whose picture is another file", setting("images", value=[{"uri": "../../etc/passwd"}])
    yield "a glb of base64", setting("buffers", value=[{"uri": "data:;base64,AAAA", "byteLength": 3}])
    yield "a glb of ten million vertices", setting("accessors", 0, "count", value=10**7)
    yield "a glb of 10^30 vertices", setting("accessors", 0, "count", value=10**30)
    yield "a glb of minus one vertex", setting("accessors", 0, "count", value=-1)
    yield "a glb of half a vertex", setting("accessors", 0, "count", value=0.5)
    yield "a glb whose values are nowhere", lambda: glb(lambda tree: tree["accessors"][0].pop("bufferView") and None)
    yield "a sparse glb", setting("accessors", 0, "sparse", value={"count": 1})
    yield "a glb that needs draco", setting("extensionsRequired", value=["KHR_draco_mesh_compression"])
    yield "a glb that needs meshopt", setting("extensionsRequired", value=["EXT_meshopt_compression"])
    yield "a mesh that 9,000 nodes show", setting("nodes", value=[{"mesh": 0}] * 9_000)
    yield "20,000 nodes", setting("nodes", value=[{}] * 20_000)
    yield "nodes in a circle", lambda: glb(circle)
    yield "nodes that double", lambda: glb(doubling)
    yield "a node that does not exist", setting("nodes", value=[{"mesh": 77}])
    yield "accessors that are text", setting("accessors", value="x" * 100)
    yield "a glb that is a list", lambda: glb(lambda _: b"[1, 2, 3]")
    yield "a glb 100,000 deep", lambda: glb(lambda _: b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
    yield "a glb with 8 MiB of JSON", lambda: glb(lambda _: b'{"a":"' + b"b" * (8 << 20) + b'"}')
    yield "a view beyond its buffer", setting("bufferViews", 0, "byteOffset", value=10**9)
    yield "a view of minus bytes", setting("bufferViews", 0, "byteLength", value=-8)
    yield "a glb of version 1", lambda: GOOD["glb"][:4] + b"\1" + GOOD["glb"][5:]
    yield "a glb that claims 4 GiB", lambda: GOOD["glb"][:8] + b"\xff" * 4 + GOOD["glb"][12:]
    yield "a glb whose JSON claims 4 GiB", lambda: GOOD["glb"][:12] + b"\xff" * 4 + GOOD["glb"][16:]


def plys() -> Iterator[tuple[str, Make]]:
    yield "a ply of 10^12 vertices", lambda: ply(f"ascii 1.0\nelement vertex 1000000000000\n{PLACES}")
    yield (
        "a ply of 900,000 vertices and none",
        lambda: ply(f"binary_little_endian 1.0\nelement vertex 900000\n{PLACES}"),
    )
    yield "a ply of minus vertices", lambda: ply(f"ascii 1.0\nelement vertex -5\n{PLACES}")
    yield (
        "a ply of 600,000 faces",
        lambda: ply("ascii 1.0\nelement face 600000\nproperty list uchar int vertex_indices"),
    )
    yield "a ply without an end", lambda: b"ply\nformat ascii 1.0\n" + b"comment x\n" * 500_000
    yield (
        "a ply of 60,000 columns",
        lambda: ply("ascii 1.0\nelement vertex 20\n" + "property float x\n" * 3_000, b"0 " * 60_000),
    )
    yield (
        "a list of 4 billion",
        lambda: ply(
            f"binary_little_endian 1.0\nelement vertex 3\n{PLACES}\nelement face 1\n{FACES.replace('uchar', 'uint')}",
            bytes(36) + b"\xff\xff\xff\x7f" + bytes(12),
        ),
    )
    yield (
        "faces of vertices that are not there",
        lambda: ply(
            f"ascii 1.0\nelement vertex 3\n{PLACES}\nelement face 1\nproperty list uchar int vertex_indices",
            b"0 0 0\n1 0 0\n0 1 0\n3 0 1 99999999\n",
        ),
    )
    yield (
        "a ply with a texture of another file",
        lambda: ply(f"ascii 1.0\ncomment TextureFile /etc/passwd\nelement vertex 3\n{PLACES}", b"0 0 0\n" * 3),
    )


def texts() -> Iterator[tuple[str, Make]]:
    yield "an obj of 700,000 faces", lambda: b"v 0 0 0\nv 1 0 0\nv 0 1 0" + b"\nf 1 2 3" * 700_000
    yield "an obj of a face that is not there", lambda: b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n"
    yield "an obj of one face with a million corners", lambda: b"v 0 0 0\n" * 3 + b"f " + b"1 2 3 " * 400_000
    yield "an obj that refers to another file", lambda: b"mtllib /etc/passwd\nusemtl x\nv 0 0 0\n"
    yield "an obj of NaN", lambda: b"v nan nan nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
    yield "an obj of text", lambda: b"v " + b"x" * (1 << 20)
    yield "an off of 10^12 vertices", lambda: b"OFF\n1000000000000 1 0\n"
    yield "an off of minus faces", lambda: b"OFF\n3 -1 0\n0 0 0\n"
    yield "an off of no numbers", lambda: b"OFF\nx y z\n"
    yield "an ASCII stl of nothing", lambda: b"solid x\n" + b"facet\n" * 300_000 + b"endsolid\n"
    yield "an ASCII stl of 600,000 facets", lambda: b"solid x\n" + b"endfacet\n" * 600_000
    yield "a binary stl of 600,000 facets", lambda: bytes(80) + struct.pack("<I", 600_000) + bytes(50 * 600_000)
    yield "a binary stl that claims one more", lambda: GOOD["stl"][:80] + b"\x41\x01\0\0" + GOOD["stl"][84:]
    yield "a binary stl of zeros", lambda: bytes(80) + struct.pack("<I", 1000) + bytes(50_000)
    yield "rows of 300,000 points", lambda: b"0 0 0\n" * 300_000
    yield "one row of a million numbers", lambda: b"0 " * 1_000_000
    yield "a number of a million digits", lambda: b"1" * 1_000_000 + b" 0 0\n"
    yield "rows of different lengths", lambda: b"0 0 0\n0 0\n" * 20
    yield "a row that is markup", lambda: b"<img src=x onerror=alert(1)>\n" * 20


def arrays(canary: Path) -> Iterator[tuple[str, Make]]:
    bomb = np.array([Calls(Path.mkdir, canary)], dtype=object)
    yield "an npy that executes", lambda: npy(bomb, allow_pickle=True)
    yield "an npy of 10^12 rows", lambda: npy_header("(1000000000000, 3)")
    yield "an npy of 2^63 rows and none", lambda: npy_header("(9223372036854775807, 0)")
    yield "an npy of minus rows", lambda: npy_header("(-16, 3)", data=bytes(192))
    yield "an npy with a row less", lambda: npy_header("(100, 3)", data=bytes(1188))
    yield "an npy with bytes behind it", lambda: npy(np.zeros((100, 3))) + bytes(8)
    yield "an npy of 40 dimensions", lambda: npy_header(str((1,) * 40), data=bytes(4))
    yield "an npy of text", lambda: npy(np.array(["x" * 1000] * 20))
    yield "an npy of a dtype that is code", lambda: npy_header("(1,)", "__import__('os')")
    yield "an npy whose header is code", lambda: npy_header(f"__import__('os').mkdir({str(canary)!r})")
    yield "an npy 9,000 deep", lambda: npy_header("(" * 4_000 + ")" * 4_000)
    yield "an npy of NaN", lambda: npy(np.full((100, 3), np.nan))
    yield "an npy of infinity", lambda: npy(np.full((100, 3), np.inf))
    yield "an npy of version 9", lambda: b"\x93NUMPY\x09\x00" + bytes(100)
    yield "a pickle under an npy's name", lambda: pickle.dumps(bomb)


def others() -> Iterator[tuple[str, Make]]:
    def zipped(name: str, size: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, bytes(size))
        return buffer.getvalue()

    yield "a 3mf that is a bomb", lambda: zipped("3D/3dmodel.model", 200 << 20)
    yield "an npz", lambda: zipped("points.npy", 100)
    yield "gzip", lambda: b"\x1f\x8b\x08" + bytes(64)
    yield "gltf beside its files", lambda: json.dumps({"buffers": [{"uri": "/etc/passwd"}]}).encode()
    yield (
        "collada with an entity",
        lambda: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    )
    yield "nothing but comments", lambda: b"# x\n" * 1000
    yield "zeros", lambda: bytes(4096)
    yield "no bytes", lambda: b""
    for kind, good in GOOD.items():
        for size in range(1, len(good), max(1, len(good) // 6)):
            if kind in ("stl", "ply", "glb"):
                yield f"a {kind} cut at {size} bytes", lambda good=good, size=size: good[:size]


def corpus(canary: Path) -> dict[str, Make]:
    """Every hostile file by its name."""
    return dict([*glbs(), *plys(), *texts(), *arrays(canary), *others()])
