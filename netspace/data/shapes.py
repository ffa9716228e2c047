"""A Shape is anything with a signed distance. All live in [-1, 1]^3: y up, front +z, negative inside."""

from typing import Protocol, runtime_checkable

from torch import Tensor

HALF_EXTENT = 0.9
"""Largest half extent of a normalised shape."""


class Shape(Protocol):
    def sdf(self, points: Tensor) -> Tensor:
        """points [N, 3] -> signed distance [N], in the cube's units, negative inside."""

    def properties(self) -> dict[str, str | float]:
        """What is known about the shape, by name."""


@runtime_checkable
class SurfaceSampled(Protocol):
    """A shape that draws points on its own surface better than the generic projection does."""

    def surface(self, count: int, seed: int) -> Tensor: ...
