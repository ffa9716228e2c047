"""One SDF network at many points, as fast as the machine evaluates it.

`functional.run` is the plain way, exact and differentiable. Meshing asks one network for tens of thousands of answers
and needs them to a tenth of a cell. On a CPU with fast products of eight-bit integers, hidden layers are evaluated in
them, in C; elsewhere in float32, a few points at a time, so that a layer's values stay in cache. On a GPU the compiler
fuses products in bfloat16 with the sines into one kernel for a fixed number of points, once `prepare` has been called.
"""

import threading
from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor
from torch.func import functional_call

from netspace.archs import Architecture, Siren
from netspace.cores import even_share, in_parallel
from netspace.data.points import uniform_points
from netspace.errors import UnknownArchitecture
from netspace.functional import own_module
from netspace.grids import Field
from netspace.native import call, library
from netspace.runtime import can_compile, fast_product

CHUNK = 4096
"""Points of one call of a GPU's kernel."""
WHOLE = 512
"""Remainders from this size on are filled up to a whole chunk; smaller ones are evaluated as they are."""
CACHED = 1024
"""Points of one call in float32: a layer's values stay in a core's cache."""
SHARE = 3072
"""Points of one call in eight bits, a millisecond's work: cores that are busy with something else take fewer."""
TOLERANCE = 0.1 * 2 / 256
"""A tenth of a cell of the finest grid: a network whose answers are moved further is evaluated in float32."""

Forward = Callable[[dict[str, Tensor], Tensor], Tensor]


class Kernel:
    """The forward pass of one architecture for one network at a time. Thread-safe; compiled once, for everyone."""

    def __init__(self, arch: Architecture, device: torch.device) -> None:
        self.arch, self.device = arch, device
        self.compiles = device.type != "cpu"
        """Whether it is the compiler's kernel that answers, once there is one."""
        self._product = fast_product(device)
        self._probes = uniform_points(256, torch.Generator().manual_seed(0)).to(device)
        self._compiled: Forward | None = None
        self._lock = threading.Lock()

    @property
    def prepared(self) -> bool:
        """Whether this is as fast as it gets."""
        return self._compiled is not None if self.compiles else library() is not None

    def prepare(self) -> bool:
        """Compiles (5 to 20 seconds the first time on a machine) for a GPU. False where a compiler is missing, or on a
        CPU was missing when this was installed."""
        with self._lock:
            if self.compiles and not self.prepared and can_compile():
                module = self.arch.build(product_dtype=self._product, device="meta")
                compiled: Forward = torch.compile(
                    lambda params, points: functional_call(module, params, (points,)), dynamic=False
                )
                theta = torch.zeros(1, self.arch.layout.size, device=self.device)
                with torch.no_grad():
                    compiled(self._params(theta[0]), torch.zeros(CHUNK, 3, device=self.device))
                self._compiled = compiled
        return self.prepared

    def field(self, theta: Tensor, alone: bool = False, tolerance: float = TOLERANCE) -> Field:
        """theta [P] -> points [N, 3] -> values [N], without gradient; `alone` on the calling thread's core only."""
        theta = theta.detach()
        answers, size = (self._on_gpu if self.compiles else self._on_cpu)(theta, tolerance)

        @torch.no_grad()
        def chunk(points: Tensor) -> Tensor:
            return answers(points)

        def field(points: Tensor) -> Tensor:
            if not len(points):
                return points.new_empty(0)
            if alone or self.device.type != "cpu":
                return torch.cat([chunk(c) for c in points.contiguous().split(size)])
            return torch.cat(in_parallel(chunk, points.contiguous().split(even_share(len(points), size))))

        return field

    @torch.no_grad()
    def _on_cpu(self, theta: Tensor, tolerance: float) -> tuple[Field, int]:
        """In eight bits if that moves this network's answers by at most half of `tolerance`: probes miss the worst."""
        assert isinstance(self.arch, Siren)
        exact = _in_place(self.arch, self._params(theta))
        if not EightBits.fit(self.arch):
            return exact, CACHED
        quick = EightBits(self.arch, theta)
        near = ((exact(self._probes) - quick(self._probes)).abs() <= tolerance / 2).all()
        return (quick, SHARE) if bool(near) else (exact, CACHED)

    @torch.no_grad()
    def _on_gpu(self, theta: Tensor, tolerance: float) -> tuple[Field, int]:
        """In bfloat16 if that moves this network's answers by at most `tolerance`."""
        params, product = self._params(theta), None
        if self._product is not None:
            exact, fast = (self._plain(params, self._probes, dtype) for dtype in (None, self._product))
            product = self._product if bool(((exact - fast).abs() <= tolerance).all()) else None
        return partial(self._chunk, params, product), CHUNK

    def _params(self, theta: Tensor) -> dict[str, Tensor]:
        return {name: value.contiguous() for name, value in self.arch.layout.unflatten(theta).items()}

    def _plain(self, params: dict[str, Tensor], points: Tensor, product: torch.dtype | None) -> Tensor:
        return functional_call(own_module(self.arch, product), params, (points,))

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
    """A SIREN whose hidden layers are sums of round(127 sine) times weights in 127ths of each unit's largest, exact."""

    def __init__(self, arch: Siren, theta: Tensor) -> None:
        """theta [P]."""
        self._widths = torch.tensor(arch.hidden)
        self._shape = (len(arch.hidden), self._widths)
        self._packed = torch.empty(call("siren_size", *self._shape))
        call("siren_pack", theta.float().contiguous(), *self._shape, arch.omega, self._packed)

    @staticmethod
    def fit(arch: Siren) -> bool:
        """Whether there is a product to take in them, and a processor that multiplies them fast."""
        return (
            len(arch.hidden) > 1 and arch.in_features == 3 and library() is not None and bool(call("siren_supported"))
        )

    def __call__(self, points: Tensor) -> Tensor:
        answers = torch.empty(len(points))
        call("siren_answers", self._packed, *self._shape, points.contiguous(), len(points), answers)
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
    """Makes `network_field` of this architecture as fast as it gets; False where a compiler is or was wanted for it."""
    return kernel(arch, torch.device(device)).prepare()
