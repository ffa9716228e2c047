"""Run B networks of one architecture at once from their parameters theta [B, P]."""

import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from netspace.archs import Architecture

_own = threading.local()


def own_module(arch: Architecture, product_dtype: torch.dtype | None = None) -> nn.Module:
    """This thread's module without weights. While it is called it holds the caller's, so threads must not share one."""
    known = _own.__dict__.setdefault("modules", {})
    key = (arch, product_dtype)
    if key not in known:
        known[key] = arch.build(product_dtype=product_dtype, device="meta")
    return known[key]


def runner(arch: Architecture, product_dtype: torch.dtype | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """A function as `run`, bound to one architecture and thread: what `torch.compile` should be given."""
    module, layout = own_module(arch, product_dtype), arch.layout

    def one(params: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(module, params, (x,))

    def networks(theta: Tensor, inputs: Tensor) -> Tensor:
        return vmap(one, in_dims=(0, 0 if inputs.ndim == 3 else None))(layout.unflatten(theta), inputs)

    return networks


def run(arch: Architecture, theta: Tensor, inputs: Tensor) -> Tensor:
    """theta [B, P], inputs [B, N, in] or shared [N, in] -> outputs [B, N, ...]; differentiable in both."""
    return runner(arch)(theta, inputs)
