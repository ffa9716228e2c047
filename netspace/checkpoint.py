"""Checkpoint bytes <-> network. Nothing in a file is ever executed: `weights_only=True`, dense tensors only."""

import io
import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from netspace.archs import Architecture, recognise
from netspace.archs.recognise import unwrap
from netspace.errors import NetSpaceError, NotACheckpoint, ShapeMismatch

FORMATS = ("pt", "safetensors")
MAX_ELEMENTS = 64_000_000
MAX_UNPACKED = 8 * MAX_ELEMENTS
MAX_HEADER = 1_000_000
"""Bytes of a safetensors header, which is JSON about a few dozen tensors."""


def read_network(source: bytes | Path) -> tuple[Architecture, Tensor]:
    """A `.pt` or `.safetensors` file -> (Architecture, theta [P] float32). Inverse of `network_bytes`.

    Raises NotACheckpoint (neither format, empty, truncated, or a pickle that asks for more than tensors),
    UnknownArchitecture, ShapeMismatch, NonFiniteValues.
    """
    content = source if isinstance(source, bytes) else _read(source)
    if not content:
        raise NotACheckpoint("expected a .pt or .safetensors checkpoint, got an empty file")
    loaded = _load_pt(content) if content[:4] == b"PK\x03\x04" else _load_safetensors(content)
    _check_dense(unwrap(loaded))
    return recognise(loaded)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotACheckpoint(f"{path}: cannot be read ({error.strerror})") from error


def _load_pt(content: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise NotACheckpoint(f"expected a PyTorch checkpoint, got a damaged one ({_first_line(error)})") from error
    if unpacked > MAX_UNPACKED:
        raise NotACheckpoint(f"expected at most {MAX_UNPACKED} bytes unpacked, the file claims {unpacked}")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise NotACheckpoint(
            "expected a state dict of tensors; the file asks for more than tensors (or its pickle is damaged) and was "
            "not loaded"
        ) from error
    except Exception as error:  # a damaged pickle makes the unpickler raise whatever it stumbles over
        raise NotACheckpoint(f"expected a PyTorch checkpoint, got a damaged one ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _load_safetensors(content: bytes) -> Any:
    header = int.from_bytes(content[:8], "little")
    if len(content) < 9 or content[8:9] != b"{" or header > MAX_HEADER:
        raise NotACheckpoint(
            f"expected a zipped PyTorch checkpoint (.pt) or safetensors, got {len(content)} bytes that start with "
            f"{content[:8]!r}"
        )
    if 8 + header > len(content):
        raise NotACheckpoint(
            f"the safetensors header claims {header} bytes, but the file has {len(content)}: truncated?"
        )
    try:
        tensors = load(content)
        metadata = json.loads(content[8 : 8 + header]).get("__metadata__", {})
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotACheckpoint(f"expected safetensors, got a damaged file ({_first_line(error)})") from error
    omega = metadata.get("omega") if isinstance(metadata, Mapping) else None
    try:
        return {"state_dict": tensors, **({"omega": float(omega)} if omega is not None else {})}
    except (TypeError, ValueError) as error:
        raise NotACheckpoint(f"metadata omega: expected a number, got {omega!r}") from error


def _check_dense(state: Mapping[str, Tensor]) -> None:
    total = 0
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise NotACheckpoint(f"{name}: expected a dense tensor, got {tensor.layout} on {tensor.device}")
        total += tensor.numel()
        if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise ShapeMismatch(f"{name}: shape {tuple(tensor.shape)} claims more values than the file stores")
    if total > MAX_ELEMENTS:
        raise NotACheckpoint(f"expected at most {MAX_ELEMENTS} values, got {total}")


def network_bytes(arch: Architecture, theta: Tensor, file_format: str = "pt") -> bytes:
    """theta [P] -> a checkpoint that `read_network` and any PyTorch program can read. Raises NetSpaceError for others.

    A `.pt` holds `state_dict` and the architecture's JSON (`omega` beside it); safetensors hold `omega` as metadata.
    """
    state = {name: value.detach().cpu().float().clone() for name, value in arch.layout.unflatten(theta).items()}
    description = arch.to_json()
    if file_format == "safetensors":
        return save(state, {"omega": str(description["omega"])})  # one key: several come in any order
    if file_format != "pt":
        raise NetSpaceError(f"format: expected one of {', '.join(FORMATS)}, got {file_format!r}")
    buffer = io.BytesIO()
    torch.save({"architecture": description, "omega": description.get("omega"), "state_dict": state}, buffer)
    return buffer.getvalue()
