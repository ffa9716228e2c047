"""The header of a safetensors file: JSON that is capped, has no key twice and claims exactly the bytes that follow."""

import json
from collections.abc import Mapping
from typing import Any

from netspace.claims import Claim, check_claims, contiguous
from netspace.errors import NotACheckpoint

MAX_HEADER = 1_000_000
"""Bytes of the header, which is about a few dozen tensors."""
ITEM_SIZES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
}


def looks_like_safetensors(content: bytes) -> bool:
    """By its first nine bytes: a length that a header may have, and the `{` of the header."""
    return content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_HEADER


def check_safetensors(content: bytes) -> Mapping[str, Any]:
    """The metadata of bytes that look like safetensors. Raises NotACheckpoint and ShapeMismatch."""
    length = int.from_bytes(content[:8], "little")
    if 8 + length > len(content):
        raise NotACheckpoint(
            f"the safetensors header claims {length} bytes, but the file has {len(content)}: truncated?"
        )
    try:
        header = json.loads(content[8 : 8 + length].decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if isinstance(error, NotACheckpoint):
            raise
        raise NotACheckpoint(f"expected safetensors, got a damaged header ({str(error)[:200]})") from error
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise NotACheckpoint("__metadata__: expected names with texts")
    _check_tensors(header, len(content) - 8 - length)
    return metadata


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotACheckpoint("expected every name once in the safetensors header, got one twice")
    return found


def _no_number(text: str) -> Any:
    raise NotACheckpoint(f"expected numbers in the safetensors header, got {text}")


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)


def _check_tensors(header: dict[str, Any], data: int) -> None:
    """Raises unless the tensors fill the `data` bytes without gap or overlap, each with the bytes its shape needs."""
    spans, claims = [], []
    for name, entry in header.items():
        shown = name[:200]
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise NotACheckpoint(f"{shown}: expected dtype, shape and data_offsets, got {str(entry)[:80]}")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in ITEM_SIZES:
            raise NotACheckpoint(f"{shown}: expected a dtype of {', '.join(ITEM_SIZES)}, got {str(dtype)[:80]!r}")
        if not _whole(shape) or not _whole(offsets) or len(offsets) != 2:
            raise NotACheckpoint(f"{shown}: expected a shape and two offsets of whole numbers")
        begin, end = offsets
        item = ITEM_SIZES[dtype]
        claims.append(Claim((end - begin) // item, 0, tuple(shape), contiguous(shape[:16]), shown))
        spans.append((begin, end, shown))
        if len(shape) <= 16 and claims[-1].size * item != end - begin:
            raise NotACheckpoint(f"{shown}: shape {shape} of {dtype} does not fill the bytes {begin} to {end}")
    check_claims(claims)
    at = 0
    for begin, end, shown in sorted(spans):
        if begin != at:
            raise NotACheckpoint(f"{shown}: expected to begin at byte {at} of the data, got {begin}")
        at = end
    if at != data:
        raise NotACheckpoint(f"expected {at} bytes of data, as the safetensors header says, got {data}: truncated?")
