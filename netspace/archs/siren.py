"""SIREN MLPs (Sitzmann et al. 2020), the paper's SDF networks: sin(omega (W x + b)) after each hidden layer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs.states import finite, natural, summary
from netspace.errors import UnknownArchitecture
from netspace.layout import ParamLayout

MAX_WIDTH = 2048
MAX_DEPTH = 16


class SirenMLP(nn.Module):
    """points [N, in] -> values [N]. `product_dtype` (say bfloat16) is used for the hidden layers' products alone."""

    def __init__(self, widths: tuple[int, ...], omega: float, product_dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.omega = omega
        self.product_dtype = product_dtype
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, points: Tensor) -> Tensor:
        first, *hidden, last = self.layers
        h = torch.sin(self.omega * first(points))
        for layer in hidden:
            assert isinstance(layer, nn.Linear)
            if self.product_dtype is None:
                h = torch.sin(self.omega * layer(h))
            else:
                product = F.linear(h.to(self.product_dtype), layer.weight.to(self.product_dtype))
                h = torch.sin(self.omega * (product.to(h.dtype) + layer.bias))
        return last(h).squeeze(-1)


@dataclass(frozen=True, kw_only=True)
class Siren:
    """A SIREN's shape: `hidden` widths, any number of them. 3-256-256-1 has the paper's 67,073 parameters."""

    hidden: tuple[int, ...] = (256, 256)
    omega: float = 30.0
    in_features: int = 3

    family = "siren"
    task = "sdf"

    def __post_init__(self) -> None:
        if not 1 <= len(self.hidden) <= MAX_DEPTH or not all(1 <= w <= MAX_WIDTH for w in self.hidden):
            raise UnknownArchitecture(
                f"siren: expected 1 to {MAX_DEPTH} hidden layers of at most {MAX_WIDTH} units, got {self.hidden}"
            )
        if not (math.isfinite(self.omega) and 0 < self.omega <= 1000):
            raise UnknownArchitecture(f"siren: expected omega in (0, 1000], got {self.omega}")

    @property
    def name(self) -> str:
        text = "siren-" + "-".join(map(str, self.hidden))
        return text if self.omega == 30.0 else f"{text}-omega{self.omega:g}"

    @property
    def in_shape(self) -> tuple[int, ...]:
        return (self.in_features,)

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.in_features, *self.hidden, 1)

    def build(self, *, product_dtype: torch.dtype | None = None, device: str = "cpu") -> SirenMLP:
        """A fresh module (PyTorch's own initialisation; see `initial` for the SIREN one)."""
        with torch.device(device):
            return SirenMLP(self.widths, self.omega, product_dtype)

    @cached_property
    def layout(self) -> ParamLayout:
        return ParamLayout.of(self.build(device="meta"))

    def initial(self, count: int, generator: torch.Generator) -> Tensor:
        """theta [count, P]: independent SIREN initialisations (first layer U(+-1/in), then U(+-sqrt(6/in)/omega))."""
        state = {}
        for i, (fan_in, fan_out) in enumerate(zip(self.widths[:-1], self.widths[1:], strict=True)):
            bound = 1 / fan_in if i == 0 else math.sqrt(6 / fan_in) / self.omega
            weight = torch.rand(count, fan_out, fan_in, generator=generator)
            bias = torch.rand(count, fan_out, generator=generator)
            state[f"layers.{i}.weight"] = bound * (2 * weight - 1)
            state[f"layers.{i}.bias"] = (2 * bias - 1) / math.sqrt(fan_in)
        return self.layout.flatten(state)

    def to_json(self) -> dict:
        return {"family": self.family, "hidden": list(self.hidden), "omega": self.omega}

    @classmethod
    def from_json(cls, data: Mapping) -> "Siren":
        return cls(hidden=tuple(data["hidden"]), omega=float(data.get("omega", 30.0)))


def _linear_layers(state: Mapping[str, Tensor]) -> list[tuple[str, Tensor, Tensor]]:
    """(prefix, weight, bias) of every linear layer in natural order of their names; UnknownArchitecture if others."""
    weights = {name.removesuffix("weight"): t for name, t in state.items() if name.endswith("weight")}
    biases = {name.removesuffix("bias"): t for name, t in state.items() if name.endswith("bias")}
    others = [n for n in state if not n.endswith(("weight", "bias"))]
    if others or weights.keys() != biases.keys() or not weights:
        raise UnknownArchitecture(f"expected pairs of *.weight and *.bias, got {summary(state)}")
    layers = [(prefix, weights[prefix], biases[prefix]) for prefix in sorted(weights, key=natural)]
    for prefix, weight, bias in layers:
        if weight.ndim != 2 or bias.ndim != 1:
            raise UnknownArchitecture(f"{prefix}weight: expected a linear layer [out, in], got {summary(state)}")
    return layers


def _chain(layers: list[tuple[str, Tensor, Tensor]]) -> list[tuple[str, Tensor, Tensor]]:
    """The layers with the one that reads 3 inputs first and the one of one output last."""
    first = [item for item in layers if item[1].shape[1] == 3]
    last = [item for item in layers if item[1].shape[0] == 1]
    if len(first) != 1 or len(last) != 1 or first[0] is last[0]:
        return layers
    middle = [item for item in layers if item is not first[0] and item is not last[0]]
    return [first[0], *middle, last[0]]


def recognise_siren(state: Mapping[str, Tensor], omega: float = 30.0) -> tuple[Siren, Tensor]:
    """State dict of any SIREN SDF network (3 inputs, 1 output) -> (Siren, theta [P] float32).

    Names are free: layers are found by `weight`/`bias` pairs and ordered by their numbers. Raises
    UnknownArchitecture if the layers form no chain 3 -> ... -> 1 and NonFiniteValues naming the tensor.
    """
    layers = _chain(_linear_layers(state))
    expected = 3
    for prefix, weight, bias in layers:
        if weight.shape[1] != expected or weight.shape[0] != bias.shape[0]:
            raise UnknownArchitecture(
                f"{prefix}weight: expected (out, {expected}) and a bias of the same out, "
                f"got {tuple(weight.shape)} and {tuple(bias.shape)}: an SDF SIREN is a chain 3 -> ... -> 1"
            )
        expected = weight.shape[0]
    if expected != 1 or len(layers) < 2:
        raise UnknownArchitecture(f"an SDF SIREN has 3 inputs, hidden layers and 1 output; got {summary(state)}")
    arch = Siren(hidden=tuple(weight.shape[0] for _, weight, _ in layers[:-1]), omega=omega)
    renamed = {}
    for i, (prefix, weight, bias) in enumerate(layers):
        for kind, tensor in (("weight", weight), ("bias", bias)):
            renamed[f"layers.{i}.{kind}"] = finite(f"{prefix}{kind}", tensor)
    return arch, arch.layout.flatten(renamed)
