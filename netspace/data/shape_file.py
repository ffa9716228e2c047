"""Files of points or triangles, before anything reads them: known by their first bytes, and what they claim to hold
compared with caps and with what they do hold. Names of files decide nothing."""

import io
import json
import math
import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from netspace.errors import BadPointCloud

MAX_VERTICES = 1_000_000
MAX_FACES = 500_000
MAX_NODES = 10_000
MAX_JSON = 4 << 20
"""Bytes of a glb's JSON."""
MAX_PLY_HEADER = 64 << 10
KINDS = "a mesh (obj, ply, stl, glb, off) or points (ply, npy, or text of 3 or 6 columns)"
OBJ_WORDS = frozenset(["v", "vn", "vt", "vp", "f", "g", "o", "s", "l", "p", "mtllib", "usemtl"])
STL_HEAD, STL_FACE = 84, 50
JSON_CHUNK = 0x4E4F534A


def kind_of(content: bytes) -> str:
    """`glb`, `npy`, `ply`, `stl`, `off`, `obj` or `text`, by the first bytes. Raises BadPointCloud."""
    if content.startswith(b"glTF"):
        return "glb"
    if content.startswith(b"\x93NUMPY"):
        return "npy"
    if content.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if len(content) >= STL_HEAD and len(content) == STL_HEAD + STL_FACE * _stl_count(content):
        return "stl"
    word = _first_word(content)
    if word == "solid":
        return "stl"
    if word in ("off", "coff"):
        return "off"
    if word in OBJ_WORDS:
        return "obj"
    if re.fullmatch(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?|[-+]?(nan|inf)", word):
        return "text"
    if content.startswith(b"PK\x03\x04"):
        raise BadPointCloud(f"expected {KINDS}, got a zip archive; save one array by numpy.save, not savez")
    raise BadPointCloud(f"expected {KINDS}, got {len(content)} bytes that start with {content[:8]!r}")


def _first_word(content: bytes) -> str:
    """In lower case, comments left out; empty where the content is no text."""
    start = content[:4096]
    if b"\0" in start:
        return ""
    lines = (line.strip() for line in start.decode("utf-8", "replace").lower().splitlines())
    told = next((line for line in lines if line and not line.startswith("#")), "")
    return re.split(r"[\s,;]", told, maxsplit=1)[0]


def check_shape_file(content: bytes) -> str:
    """The kind of a file whose claims are within the caps and within what it holds. Raises BadPointCloud."""
    kind = kind_of(content)
    try:
        CHECKS[kind](content)
    except BadPointCloud:
        raise
    except Exception as error:  # numpy reads a header by Python's own parsers, which raise errors of their own
        raise BadPointCloud(f"expected a file of kind {kind}, got a damaged one ({type(error).__name__})") from error
    return kind


def _cap(what: str, count: int, most: int) -> None:
    if not 0 <= count <= most:
        raise BadPointCloud(f"expected at most {most} {what}, got {count if abs(count) < 10**30 else 'far more'}")


def _holds(content: bytes, count: int, what: str) -> None:
    """Every thing takes a byte at least."""
    if count > len(content):
        raise BadPointCloud(f"claims {count} {what}, but the file has {len(content)} bytes: truncated?")


def _check_ply(content: bytes) -> None:
    header, end, _ = content[:MAX_PLY_HEADER].partition(b"end_header")
    if not end:
        raise BadPointCloud(f"expected `end_header` in the first {MAX_PLY_HEADER} bytes of a ply")
    found = re.findall(rb"^\s*element\s+(\S+)\s+(\S+)", header, re.M)
    for name, count in found:
        shown, most = name[:80].decode("utf-8", "replace"), MAX_FACES if name == b"face" else MAX_VERTICES
        _cap(f"elements {shown!r}", int(count), most)
        _holds(content, int(count), f"elements {shown!r}")


def _stl_count(content: bytes) -> int:
    return int.from_bytes(content[80:84], "little")


def _check_stl(content: bytes) -> None:
    binary = len(content) == STL_HEAD + STL_FACE * _stl_count(content)
    _cap("triangles", _stl_count(content) if binary else content.count(b"endfacet"), MAX_FACES)


def _check_obj(content: bytes) -> None:
    _cap("vertices", content.count(b"\nv "), MAX_VERTICES)
    _cap("faces", content.count(b"\nf "), MAX_FACES)


def _check_off(content: bytes) -> None:
    lines = re.sub(rb"#[^\n]*", b"", content[:4096]).split(None, 4)
    vertices, faces = int(lines[1]), int(lines[2])
    _cap("vertices", vertices, MAX_VERTICES)
    _cap("faces", faces, MAX_FACES)
    _holds(content, vertices + faces, "vertices and faces")


def _check_text(content: bytes) -> None:
    rows = (line for line in content.splitlines() if line.strip() and not line.lstrip().startswith(b"#"))
    columns = len(next(rows)[:10_000].replace(b",", b" ").split())
    if columns not in (3, 6):
        raise BadPointCloud(f"expected rows of 3 or 6 numbers, got a row of {columns}")


def _check_npy(content: bytes) -> None:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise BadPointCloud("expected numbers, got Python objects, which are never loaded")
    if dtype.kind not in "fiu":
        raise BadPointCloud(f"expected numbers, got an array of {str(dtype)[:80]}")
    _cap("numbers", math.prod(shape), 6 * MAX_VERTICES)
    if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
        raise BadPointCloud(
            f"shape {shape} of {dtype} does not fill the {len(content) - file.tell()} bytes of the file"
        )


def _check_glb(content: bytes) -> None:
    _, version, length, size, chunk = struct.unpack("<4sIIII", content[:20])
    if (version, length, chunk) != (2, len(content), JSON_CHUNK) or 20 + size > length:
        raise BadPointCloud("expected a whole glb of version 2 whose first chunk is JSON, got another or a damaged one")
    _cap("bytes of JSON", size, MAX_JSON)
    tree = json.loads(content[20 : 20 + size].decode())
    _check_references(tree)
    _cap("triangles", _triangles(tree), MAX_FACES)


def _check_references(tree: dict[str, Any]) -> None:
    """A glb holds all that it needs, and needs nothing that is unpacked or decoded."""
    for item in (*tree.get("buffers", []), *tree.get("images", [])):
        if not str(item.get("uri", "data:image")).startswith("data:image"):
            raise BadPointCloud("expected a glb that holds all its data, got one that refers to another file")
    needed = tree.get("extensionsRequired", [])
    if needed:
        raise BadPointCloud(f"expected a plain glb, got one that needs {str(needed)[:80]}")
    for accessor in tree.get("accessors", []):
        _cap("values in an accessor", accessor["count"], 3 * MAX_FACES)
        if "sparse" in accessor or "bufferView" not in accessor:
            raise BadPointCloud("expected accessors that store their values, got one that is sparse or empty")


def _triangles(tree: dict[str, Any]) -> int:
    """Of all nodes together, a mesh counted once for every node that shows it."""
    nodes, meshes = tree.get("nodes", []), tree.get("meshes", [])
    _cap("nodes", len(nodes), MAX_NODES)
    children = [child for node in nodes for child in node.get("children", [])]
    roots = [root for scene in tree.get("scenes", []) for root in scene.get("nodes", [])]
    if len(set(children)) != len(children) or set(roots) & set(children):
        raise BadPointCloud("expected a tree of nodes, got one that is reached in two ways or in a circle")
    sizes = [sum(_corners(tree, mesh)) // 3 for mesh in meshes]
    return sum(sizes) if not nodes else sum(sizes[node["mesh"]] for node in nodes if "mesh" in node)


def _corners(tree: dict[str, Any], mesh: dict[str, Any]) -> Iterator[int]:
    for primitive in mesh["primitives"]:
        used = primitive.get("indices", primitive["attributes"].get("POSITION"))
        count = tree["accessors"][used]["count"]
        yield 3 * count if primitive.get("mode", 4) in (5, 6) else count  # strips and fans share corners


CHECKS: dict[str, Callable[[bytes], None]] = {
    "ply": _check_ply,
    "stl": _check_stl,
    "obj": _check_obj,
    "off": _check_off,
    "text": _check_text,
    "npy": _check_npy,
    "glb": _check_glb,
}
