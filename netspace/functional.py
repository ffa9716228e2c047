"""Run B networks of one architecture at once from their parameters theta [B, P]."""

import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from netspace.archs import Architecture

_own = threading.local()


def own_module(arch: Architecture, product_dtype: torch.dtype | None = None) -> nn.Module:
    """This thread's module without weights, in eval mode.

    While it is called it holds the caller's weights, so threads must not share one.
    """
    known = _own.__dict__.setdefault("modules", {})
    key = (arch, product_dtype)
    if key not in known:
        known[key] = arch.build(product_dtype=product_dtype, device="meta").eval()
    return known[key]


def runner(arch: Architecture, product_dtype: torch.dtype | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """A function as `run`, bound to one architecture and thread: what `torch.compile` should be given."""
    return module_runner(arch, own_module(arch, product_dtype))


def module_runner(
    arch: Architecture, module: nn.Module, at_once: bool | None = None
) -> Callable[[Tensor, Tensor], Tensor]:
    """A function as `run` that calls this module of the architecture, which may be in training mode.

    `at_once` decides between vmap and a loop over networks; without it whichever is the faster on the device.
    """
    layout, one_input = arch.layout, len(arch.in_shape) + 1

    def one(params: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(module, params, (x,))

    def networks(theta: Tensor, inputs: Tensor) -> Tensor:
        shared = inputs.ndim == one_input
        looped = arch.task == "classifier" and theta.device.type == "cpu" if at_once is None else not at_once
        if looped:
            each = [inputs] * len(theta) if shared else inputs.unbind()
            pairs = zip(theta.unbind(), each, strict=True)
            return torch.stack([one(_channels_last(layout.unflatten(t)), _last(x)) for t, x in pairs])
        return vmap(one, in_dims=(0, None if shared else 0))(layout.unflatten(theta), inputs)

    return networks


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _channels_last(params: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a processor's convolutions want. One network after the other is faster there than vmap's grouped
    convolutions: 1.5 times for ResNets, forwards and backwards; about equal for the small ones."""
    return {name: _last(value) if value.ndim == 4 else value for name, value in params.items()}


def run(arch: Architecture, theta: Tensor, inputs: Tensor) -> Tensor:
    """theta [B, P] -> outputs [B, N] of points [B, N, 3], or logits [B, N, classes] of images [B, N, 3, S, S].

    Inputs without B are shared by all networks. Differentiable in both. Batch norm uses its running statistics.
    """
    return runner(arch)(theta, inputs)
