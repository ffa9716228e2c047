"""The paper's PRep: parameters unrolled row-major into a zero-padded matrix [H, W] (W = 10,000 there)."""

import math

from torch import Tensor
from torch.nn import functional as F

from netspace.errors import ShapeMismatch


def prep_height(size: int, width: int, multiple: int = 1) -> int:
    """Rows needed for `size` parameters, rounded up to `multiple` (8 rows for the SDF MLP's 67,073)."""
    rows = math.ceil(size / width)
    return math.ceil(rows / multiple) * multiple


def to_prep(theta: Tensor, height: int, width: int) -> Tensor:
    """theta [..., P] -> PRep [..., height, width]. Inverse of `from_prep`; raises ShapeMismatch if P does not fit."""
    padding = height * width - theta.shape[-1]
    if padding < 0:
        raise ShapeMismatch(f"theta: {theta.shape[-1]} parameters do not fit a PRep of {height} x {width}")
    return F.pad(theta, (0, padding)).reshape(*theta.shape[:-1], height, width)


def from_prep(prep: Tensor, size: int) -> Tensor:
    """PRep [..., H, W] -> theta [..., size]. Inverse of `to_prep`."""
    if size > prep.shape[-1] * prep.shape[-2]:
        raise ShapeMismatch(f"PRep {tuple(prep.shape)} holds fewer than {size} parameters")
    return prep.flatten(-2)[..., :size]
