"""Checkpoint bytes <-> network. Nothing in a file is ever executed: it is checked as data before it is read."""

import io
import json
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
from netspace.pt_file import MAGIC, check_pt, damaged
from netspace.safetensors_file import check_safetensors, looks_like_safetensors

FORMATS = ("pt", "safetensors")
LEGACY = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""How a checkpoint of PyTorch before 1.6 begins."""


def read_network(source: bytes | Path) -> tuple[Architecture, Tensor]:
    """A `.pt` or `.safetensors` file -> (Architecture, theta [P] float32). Inverse of `network_bytes`.

    Raises NotACheckpoint (neither format, empty, truncated, or a pickle that asks for more than tensors),
    UnknownArchitecture, ShapeMismatch, NonFiniteValues.
    """
    content = source if isinstance(source, bytes) else _read(source)
    loaded = _load_pt(content) if check_magic(content) == "pt" else _load_safetensors(content)
    _check_dense(unwrap(loaded))
    return recognise(loaded)


def check_magic(content: bytes) -> str:
    """The format that the first bytes show, one of FORMATS, whatever the file is called. Raises NotACheckpoint."""
    if not content:
        raise NotACheckpoint("expected a .pt or .safetensors checkpoint, got an empty file")
    if content.startswith(MAGIC):
        return "pt"
    if looks_like_safetensors(content):
        return "safetensors"
    if content.startswith(LEGACY):
        raise NotACheckpoint("expected a zipped PyTorch checkpoint, got one of before 1.6: load it and save it again")
    raise NotACheckpoint(
        f"expected a zipped PyTorch checkpoint (.pt) or safetensors, got {len(content)} bytes that start with "
        f"{content[:8]!r}"
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotACheckpoint(f"{path}: cannot be read ({error.strerror})") from error


def _load_pt(content: bytes) -> Any:
    check_pt(content)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes the reader raise whatever it stumbles over
        raise damaged(error) from error


def _load_safetensors(content: bytes) -> Any:
    metadata = check_safetensors(content)
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise NotACheckpoint(f"expected safetensors, got a damaged file ({error})") from error
    omega = metadata.get("omega")
    try:
        return {"state_dict": tensors, **({"omega": float(omega)} if omega is not None else {})}
    except ValueError as error:
        raise NotACheckpoint(f"metadata omega: expected a number, got {str(omega)[:80]!r}") from error


def _check_dense(state: Mapping[str, Tensor]) -> None:
    """What was claimed is what was read: a second look, at the tensors themselves."""
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise NotACheckpoint(f"{name}: expected a dense tensor, got {tensor.layout} on {tensor.device}")
        if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            raise ShapeMismatch(f"{name}: shape {tuple(tensor.shape)} claims more values than the file stores")


def network_bytes(arch: Architecture, theta: Tensor, file_format: str = "pt") -> bytes:
    """theta [P] -> a checkpoint that `read_network` and any PyTorch program can read. Raises NetSpaceError for others.

    A `.pt` holds `state_dict` and the architecture's JSON (`omega` beside it for SIRENs); safetensors hold `omega`, or
    a classifier's architecture, as metadata. The module that the state dict loads into is `arch.build()`.
    """
    state = {name: value.detach().cpu().float().clone() for name, value in arch.layout.unflatten(theta).items()}
    description = arch.to_json()
    extra = {"omega": description["omega"]} if "omega" in description else {}
    if file_format == "safetensors":  # metadata of one key: several come in any order
        return save(state, {k: str(v) for k, v in extra.items()} or {"architecture": json.dumps(description)})
    if file_format != "pt":
        raise NetSpaceError(f"format: expected one of {', '.join(FORMATS)}, got {file_format!r}")
    buffer = io.BytesIO()
    torch.save({"architecture": description, **extra, "state_dict": state}, buffer)
    return buffer.getvalue()
