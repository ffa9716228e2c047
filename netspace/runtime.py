"""Process-wide settings that make long computations fast; called by entry points, never on import."""

import ctypes
import sys

import torch

# glibc's mallopt parameters. Large tensors are otherwise mapped and unmapped anew at every step.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def keep_freed_memory() -> bool:
    """Let malloc keep large freed blocks (1.3x to 6.5x faster training kernels on CPU). False where it is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt") or not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = ((M_MMAP_THRESHOLD, 2**31 - 1), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 64 << 20))
    return all(libc.mallopt(param, value) == 1 for param, value in settings)


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is the first GPU if there is one, else the CPU; anything else is taken as PyTorch names it."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
