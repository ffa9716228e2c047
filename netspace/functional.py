"""Run B networks of one architecture at once from their parameters theta [B, P]."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from netspace.archs import Architecture


@lru_cache(maxsize=64)
def runner(arch: Architecture, product_dtype: torch.dtype | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """A function as `run`, bound to one architecture: what `torch.compile` should be given."""
    module, layout = arch.build(product_dtype=product_dtype, device="meta"), arch.layout

    def one(params: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(module, params, (x,))

    def networks(theta: Tensor, inputs: Tensor) -> Tensor:
        return vmap(one, in_dims=(0, 0 if inputs.ndim == 3 else None))(layout.unflatten(theta), inputs)

    return networks


def run(arch: Architecture, theta: Tensor, inputs: Tensor) -> Tensor:
    """theta [B, P], inputs [B, N, in] or shared [N, in] -> outputs [B, N, ...]; differentiable in both."""
    return runner(arch)(theta, inputs)


def run_chunked(arch: Architecture, theta: Tensor, points: Tensor, chunk: int = 16384) -> Tensor:
    """One network theta [P] at many points [N, in] -> [N], in chunks that stay in cache; no gradient."""
    with torch.no_grad():
        parts = [run(arch, theta[None], part)[0] for part in points.split(chunk)]
    return torch.cat(parts) if parts else points.new_empty(0)
