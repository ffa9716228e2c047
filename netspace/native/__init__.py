"""The inner loops of meshing in C, called through ctypes: they hold no lock of the interpreter.

Built when the package is installed, where there is a compiler. Elsewhere `fields`, `grids` and `cubes` do the same on
tensors, more slowly.
"""

import ctypes
import os
from functools import lru_cache
from importlib.util import find_spec

from torch import Tensor

WANTED = "NETSPACE_NATIVE"
"""Set to `false` in the environment: as if it had not been built."""

WHOLE, REAL, ARRAY = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
FUNCTIONS: dict[str, tuple[type, ...]] = {
    "siren_supported": (),
    "siren_size": (WHOLE, ARRAY),
    "siren_pack": (ARRAY, WHOLE, ARRAY, REAL, ARRAY),
    "siren_answers": (ARRAY, WHOLE, ARRAY, ARRAY, WHOLE, ARRAY),
    "grid_squares": (WHOLE, ARRAY, ARRAY, ARRAY),
    "grid_refine": (WHOLE, ARRAY, ARRAY, ARRAY, REAL, REAL, ARRAY, ARRAY, ARRAY),
    "grid_points": (WHOLE, REAL, ARRAY, WHOLE, ARRAY),
    "grid_fill": (ARRAY, WHOLE, ARRAY, ARRAY, ARRAY),
    "grid_crossing": (WHOLE, ARRAY, ARRAY, ARRAY),
    "cubes_count": (ARRAY, ARRAY, ARRAY, ARRAY, ARRAY),
    "cubes_fill": (ARRAY,) * 11,
}
"""What each takes. All return a whole number, -1 where there was no memory."""


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The functions, with their types; None where they were not built, or are not wanted."""
    built = find_spec("netspace.native._library")
    if built is None or built.origin is None or os.environ.get(WANTED, "").lower() == "false":
        return None
    loaded = ctypes.CDLL(built.origin)
    for name, taken in FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = WHOLE, taken
    return loaded


def call(name: str, *arguments: Tensor | float) -> int:
    """What the function returns. Tensors lie on the CPU and hold what the C file says; they may be written to.

    Raises MemoryError. Only where there is a library.
    """
    loaded = library()
    assert loaded is not None, "expected a built library"
    returned = int(getattr(loaded, name)(*map(_argument, arguments)))
    if returned < 0:
        raise MemoryError(f"{name}: no memory for what it keeps meanwhile")
    return returned


def _argument(value: Tensor | float) -> float:
    """Where a tensor's numbers begin, or the number itself."""
    if not isinstance(value, Tensor):
        return value
    assert value.device.type == "cpu", f"expected a tensor on the CPU, got one on {value.device}"
    assert value.is_contiguous(), "expected a contiguous tensor"
    return value.data_ptr()
