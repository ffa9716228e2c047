"""ParamLayout: the order, names and shapes by which a state dict becomes a flat vector theta [P] and back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspace.errors import ShapeMismatch


@dataclass(frozen=True)
class ParamLayout:
    """Names and shapes of an architecture's parameters, in definition order (the paper's order for its PRep).

    Running statistics of batch norm count as parameters: without them a network does not answer.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, module: nn.Module) -> "ParamLayout":
        pairs = [(name, tuple(p.shape)) for name, p in module.state_dict().items() if p.is_floating_point()]
        return cls(names=tuple(n for n, _ in pairs), shapes=tuple(s for _, s in pairs))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(math.prod(shape) for shape in self.shapes)

    @property
    def size(self) -> int:
        """P, the number of parameters."""
        return sum(self.sizes)

    def flatten(self, state: Mapping[str, Tensor]) -> Tensor:
        """State dict -> theta [..., P], row-major; leading dimensions are kept. Inverse of `unflatten`.

        Raises ShapeMismatch naming the first parameter that is missing or of another shape.
        """
        parts = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            if name not in state:
                raise ShapeMismatch(f"{name}: expected {shape}, but the state dict has only {sorted(state)}")
            value = state[name]
            lead = value.ndim - len(shape)
            if lead < 0 or tuple(value.shape[lead:]) != shape:
                raise ShapeMismatch(f"{name}: expected {shape}, got {tuple(value.shape)}")
            parts.append(value.reshape((*value.shape[:lead], -1)))
        return torch.cat(parts, dim=-1)

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """theta [..., P] -> state dict of views [..., *shape]. Inverse of `flatten`."""
        if theta.shape[-1] != self.size:
            raise ShapeMismatch(f"theta: expected [..., {self.size}], got {tuple(theta.shape)}")
        parts = theta.split(self.sizes, dim=-1)
        return {
            name: part.reshape((*theta.shape[:-1], *shape))
            for name, shape, part in zip(self.names, self.shapes, parts, strict=True)
        }
