"""Process-wide settings that make long computations fast; called by entry points, never on import."""

import ctypes
import shutil
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

from netspace.errors import NetSpaceError

# glibc's mallopt parameters. Large tensors are otherwise mapped and unmapped anew at every step.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8


def keep_freed_memory(arenas: int = 0) -> bool:
    """Let malloc keep large freed blocks (1.3x to 6.5x faster training kernels on CPU). False where it is not glibc.

    In at most so many `arenas`, where that is given: the threads of a service would each keep their own.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = [(M_MMAP_THRESHOLD, 2**31 - 1), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 64 << 20)]
    if arenas:
        settings.append((M_ARENA_MAX, arenas))
    return all(libc.mallopt(param, value) == 1 for param, value in settings)


END_WITH_PARENT = 1
"""Linux's PR_SET_PDEATHSIG."""


def prepare_worker(threads: int) -> None:
    """What every process of a pool begins with; on Linux it ends when the one that started it dies, however it dies."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGTERM)


P = ParamSpec("P")
T = TypeVar("T")


def can_compile() -> bool:
    """Whether `torch.compile` has a compiler to work with: of C++, or of C where there is a GPU."""
    names = ("gcc", "clang", "cc") if torch.cuda.is_available() else ("g++", "clang++", "c++")
    return any(map(shutil.which, names))


def native_bfloat16(device: torch.device) -> bool:
    """Whether products in bfloat16 are faster than in float32 there."""
    if device.type != "cpu":
        return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def fast_product(device: torch.device) -> torch.dtype | None:
    """What hidden layers' products are taken in where speed matters: bfloat16 if it is native, else None for no change.

    Emulated, bfloat16 is five times slower than float32.
    """
    return torch.bfloat16 if native_bfloat16(device) else None


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """The function compiled for fixed shapes, or itself where there is no compiler to do it with.

    Compiling takes 10 to 30 seconds at the first call: for work that is repeated thousands of times.
    """
    return torch.compile(function, dynamic=False) if can_compile() else function


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU if there is one, else the CPU; anything else is taken as PyTorch names it.

    Raises NetSpaceError for a name that PyTorch does not know.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise NetSpaceError(f"device: expected auto, cpu, cuda or cuda:N, got {name!r}") from error
