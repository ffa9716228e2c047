"""One SDF network at many points, as fast as the machine evaluates it.

`functional.run` is the plain way, exact and differentiable. Meshing asks one network for a hundred thousand answers and
needs them to a tenth of a cell. Where bfloat16 is native, hidden products are taken in it and, as on every GPU once
`prepare` has been called, fused with the sines by the compiler into one kernel for a fixed number of points. Elsewhere
each layer's values stay in cache, and its sines replace them. As these lie in [-1, 1], eight bits hold them well: where
a processor multiplies those fast, hidden products are taken in them.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from netspace.archs import Architecture, Siren
from netspace.data.points import uniform_points
from netspace.errors import UnknownArchitecture
from netspace.functional import own_module
from netspace.grids import Field
from netspace.runtime import can_compile, fast_product, has_eight_bit_products

CHUNK = 4096
"""Points of one call of a compiled kernel."""
CACHED = 1024
"""Points of one call in float32: a layer's values stay in a core's cache."""
WHOLE = 512
"""Remainders from this size on are filled up to a whole chunk; smaller ones are evaluated as they are."""
TOLERANCE = 0.1 * 2 / 256
"""A tenth of a cell of the finest grid: a network whose answers bfloat16 moves further is evaluated in float32."""
STEP = 128
"""In eight bits numbers of points are multiples of it: oneDNN makes and keeps a kernel for every number it meets."""
WIDE = 128
"""Units from which on eight bits pay for rounding to them."""

CPU_OPTIONS: dict[str, str | int | bool | Callable[..., Any]] = {
    "max_autotune": True,
    "max_autotune_gemm_backends": "CPP,ATEN",
    "autotune_num_choices_displayed": 0,
    "cpp.threads": 1,
}
"""Products as C++ templates, into which the sines are fused; threads are ours, see `_threads`."""

KINDS = ("weight", "bias")

T = TypeVar("T")
R = TypeVar("R")
Forward = Callable[[dict[str, Tensor], Tensor], Tensor]


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    """One thread a core, each of which computes alone: cheaper than sharing every small product among all of them."""
    count = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "fields", torch.set_num_threads, (1,))
    list(pool.map(lambda _: None, range(count)))
    torch.set_num_threads(count)  # the pool's threads have set what later threads would start with
    return pool


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """`work` of every item on all cores at once. Not to be called from within itself."""
    items = list(items)
    return list(_threads().map(work, items)) if len(items) > 1 else [work(item) for item in items]


class Kernel:
    """The forward pass of one architecture for one network at a time. Thread-safe; compiled once, for everyone."""

    def __init__(self, arch: Architecture, device: torch.device) -> None:
        self.arch, self.device = arch, device
        self._product = fast_product(device)
        self._compiles = self._product is not None or device.type != "cpu"
        self._probes = uniform_points(256, torch.Generator().manual_seed(0)).to(device)
        self._compiled: Forward | None = None
        self._lock = threading.Lock()

    @property
    def prepared(self) -> bool:
        return not self._compiles or self._compiled is not None

    def prepare(self) -> bool:
        """Compiles (5 to 20 seconds the first time on a machine) where that pays; False where no compiler is there."""
        with self._lock:
            if not self.prepared and can_compile():
                options = CPU_OPTIONS if self.device.type == "cpu" else None
                module = self.arch.build(product_dtype=self._product, device="meta")
                compiled: Forward = torch.compile(
                    lambda params, points: functional_call(module, params, (points,)), dynamic=False, options=options
                )
                theta = torch.zeros(1, self.arch.layout.size, device=self.device)
                with torch.no_grad():
                    compiled(self._params(theta[0]), torch.zeros(CHUNK, 3, device=self.device))
                self._compiled = compiled
        return self.prepared

    def _params(self, theta: Tensor) -> dict[str, Tensor]:
        return {name: value.contiguous() for name, value in self.arch.layout.unflatten(theta).items()}

    def _product_dtype(self, params: dict[str, Tensor], tolerance: float) -> torch.dtype | None:
        """bfloat16 if it moves this network's answers by at most `tolerance`."""
        if self._product is None:
            return None
        with torch.no_grad():
            exact, fast = (self._plain(params, self._probes, dtype) for dtype in (None, self._product))
        return self._product if bool(((exact - fast).abs() <= tolerance).all()) else None

    @torch.no_grad()
    def _uncompiled(self, params: dict[str, Tensor], tolerance: float) -> Field:
        """In eight bits if that moves this network's answers by at most half of `tolerance`: probes miss the worst."""
        assert isinstance(self.arch, Siren)
        exact = _in_place(self.arch, params)
        if min(self.arch.hidden) < WIDE or not has_eight_bit_products(self.device):
            return exact
        quick = _in_eight_bits(self.arch, params)
        near = ((exact(self._probes) - quick(self._probes)).abs() <= tolerance / 2).all()
        return quick if bool(near) else exact

    def _plain(self, params: dict[str, Tensor], points: Tensor, product: torch.dtype | None) -> Tensor:
        return functional_call(own_module(self.arch, product), params, (points,))

    def field(self, theta: Tensor, alone: bool = False, tolerance: float = TOLERANCE) -> Field:
        """theta [P] -> points [N, 3] -> values [N], without gradient; `alone` on the calling thread's core only."""
        params = self._params(theta.detach())
        answers: Field
        if self._compiles:
            answers, size = partial(self._chunk, params, self._product_dtype(params, tolerance)), CHUNK
        else:
            answers, size = self._uncompiled(params, tolerance), CACHED

        @torch.no_grad()
        def chunk(points: Tensor) -> Tensor:
            return answers(points)

        def field(points: Tensor) -> Tensor:
            if not len(points):
                return points.new_empty(0)
            chunks = points.contiguous().split(size)
            one_by_one = alone or self.device.type != "cpu"
            return torch.cat([chunk(c) for c in chunks] if one_by_one else in_parallel(chunk, chunks))

        return field

    def _chunk(self, params: dict[str, Tensor], product: torch.dtype | None, points: Tensor) -> Tensor:
        count = len(points)
        if self._compiled is None or count < WHOLE or product != self._product:
            return self._plain(params, points, product)
        if count < CHUNK:
            points = torch.cat([points, points.new_zeros(CHUNK - count, 3)])
        return self._compiled(params, points)[:count]


def _in_place(arch: Siren, params: dict[str, Tensor]) -> Field:
    """`functional.run` of one SIREN: each layer's sines take the place of its sums, omega is multiplied beforehand."""
    count = len(arch.hidden)
    layers = [
        (arch.omega * params[f"layers.{i}.weight"].T, arch.omega * params[f"layers.{i}.bias"]) for i in range(count)
    ]
    last, bias = params[f"layers.{count}.weight"][0], params[f"layers.{count}.bias"]

    def answers(points: Tensor) -> Tensor:
        for weight, shift in layers:
            points = torch.addmm(shift, points, weight).sin_()
        return torch.mv(points, last).add_(bias)

    return answers


class EightBits:
    """A hidden layer's sums [N, out] of sines [N, in]: round(127 sine) + 128 times weights in 127ths of each unit's
    largest, summed exactly."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        """weight [out, in], bias [out]."""
        self._scales, self._bias = (weight.abs().amax(1) / 127).clamp_min(1e-12), bias
        rounded = (weight / self._scales[:, None]).round().to(torch.int8)
        self._weight = torch.ops.onednn.qlinear_prepack(rounded, [CACHED, weight.shape[1]])
        self._zeros = torch.zeros(len(bias), dtype=torch.int64)
        self._shift = torch.tensor(128.5)  # its half rounds, since what follows cuts off

    def __call__(self, sines: Tensor) -> Tensor:
        rounded = torch.add(self._shift, sines, alpha=127).to(torch.uint8)
        return torch.ops.onednn.qlinear_pointwise(
            *(rounded, 1 / 127, 128, self._weight, self._scales, self._zeros, self._bias),
            *(1.0, 0, torch.float32, "none", [], ""),
        )


def _in_eight_bits(arch: Siren, params: dict[str, Tensor]) -> Field:
    """As `_in_place`, with rounded products of hidden layers."""
    weights, biases = ([params[f"layers.{i}.{kind}"] for i in range(len(arch.hidden) + 1)] for kind in KINDS)
    first, shift = arch.omega * weights[0].T, arch.omega * biases[0]
    hidden = [EightBits(arch.omega * w, arch.omega * b) for w, b in zip(weights[1:-1], biases[1:-1], strict=True)]

    def answers(points: Tensor) -> Tensor:
        count = len(points)
        points = F.pad(points, (0, 0, 0, -count % STEP))
        sines = torch.addmm(shift, points, first).sin_()
        for layer in hidden:
            sines = layer(sines).sin_()
        return torch.mv(sines, weights[-1][0]).add_(biases[-1])[:count]

    return answers


@lru_cache(maxsize=64)
def kernel(arch: Architecture, device: torch.device) -> Kernel:
    """The process' one kernel for an architecture on a device."""
    return Kernel(arch, device)


def network_field(arch: Architecture, theta: Tensor, alone: bool = False, tolerance: float = TOLERANCE) -> Field:
    """theta [P] as a field on its device: points [N, 3] -> signed distances [N] to `tolerance`, without gradient.

    Raises UnknownArchitecture for what is no SDF network.
    """
    if arch.task != "sdf":
        raise UnknownArchitecture(f"expected an SDF network of 3 inputs, got {arch.name}: a classifier has no surface")
    return kernel(arch, theta.device).field(theta, alone, tolerance)


def prepare(arch: Architecture, device: torch.device | str = "cpu") -> bool:
    """Makes `network_field` of this architecture as fast as it gets; False where a compiler is wanted for it."""
    return kernel(arch, torch.device(device)).prepare()
