"""Looking at a stranger's state dict."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from netspace.errors import NonFiniteValues, UnknownArchitecture


def natural(name: str) -> list:
    """Sort key by which layer 2 comes before layer 10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def summary(state: Mapping[str, Tensor], most: int = 8) -> str:
    """Names and shapes of the first tensors."""
    parts = [f"{name} {tuple(t.shape)}" for name, t in state.items()]
    more = f", ... ({len(parts)} tensors)" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def finite(name: str, tensor: Tensor) -> Tensor:
    """The tensor in float32. Raises UnknownArchitecture for other than floating point, NonFiniteValues for NaN."""
    if not tensor.is_floating_point():
        raise UnknownArchitecture(f"{name}: expected floating point values, got {tensor.dtype}")
    value = tensor.float()
    if not torch.isfinite(value).all():
        raise NonFiniteValues(f"{name}: expected values finite in float32, got NaN or infinity")
    return value
