"""What a checkpoint claims to hold, compared with what it stores before any memory is spent on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netspace.errors import NotACheckpoint, ShapeMismatch

MAX_ELEMENTS = 64_000_000
"""Values in all tensors of a file together, views of one storage counted in full."""
MAX_TENSORS = 2_000
MAX_DIMENSIONS = 8


@dataclass(eq=False)
class Claim:
    """A tensor by its numbers: `stored` values in its storage, of which it reads `shape` from `offset` on."""

    stored: int
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    name: str = "a tensor"

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def end(self) -> int:
        """One past the last value that is read."""
        if not self.size:
            return self.offset
        return self.offset + 1 + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides."""
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))


def check_claims(claims: Sequence[Claim]) -> None:
    """Raises NotACheckpoint for more than a file may hold, and ShapeMismatch, naming the tensor, for stride tricks."""
    if len(claims) > MAX_TENSORS:
        raise NotACheckpoint(f"expected at most {MAX_TENSORS} tensors, got {len(claims)}")
    for claim in claims:
        _check(claim)
    total = sum(claim.size for claim in claims)
    if total > MAX_ELEMENTS:
        raise NotACheckpoint(f"expected at most {MAX_ELEMENTS} values, got {total}")


def _check(claim: Claim) -> None:
    shape, stride = claim.shape, claim.stride
    if len(shape) > MAX_DIMENSIONS or len(shape) != len(stride):
        raise ShapeMismatch(
            f"{claim.name}: expected at most {MAX_DIMENSIONS} dimensions with a stride each, "
            f"got {len(shape)} and {len(stride)}"
        )
    if not all(0 <= number < 2**63 for number in (claim.offset, *shape, *stride)):
        raise ShapeMismatch(f"{claim.name}: expected shape, strides and offset from 0 to 2^63 - 1")
    if max(claim.size, claim.end) > claim.stored:
        raise ShapeMismatch(f"{claim.name}: shape {shape} claims more values than the file stores ({claim.stored})")
    reach = 1
    for step, n in sorted(zip(stride, shape, strict=True)):
        if n > 1 and claim.size and step < reach:
            raise ShapeMismatch(f"{claim.name}: expected a dense tensor, got strides {stride} that read a value twice")
        reach = max(reach, step * n)
    if not claim.size and max(shape) > MAX_ELEMENTS:
        raise ShapeMismatch(f"{claim.name}: expected sizes of at most {MAX_ELEMENTS}, got {shape}")
