"""What every architecture spec offers, and how one is rebuilt from JSON."""

from collections.abc import Hashable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from netspace.archs.lenet import LeNetLike
from netspace.archs.resnet import ResNet
from netspace.archs.siren import Siren
from netspace.archs.vanilla import VanillaCNN
from netspace.errors import UnknownArchitecture
from netspace.layout import ParamLayout


class Architecture(Hashable, Protocol):
    """A frozen, hashable spec. `build` gives the one definition of its forward pass; `layout` orders its parameters.

    `task` is "sdf" (points [N, 3] -> distances [N]) or "classifier" (images [N, 3, S, S] -> logits [N, classes]; those
    have `classes` and `image_size`, see `Classifier`); `in_shape` is one input's, without N.
    """

    @property
    def family(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def in_shape(self) -> tuple[int, ...]: ...
    @property
    def name(self) -> str: ...
    @property
    def layout(self) -> ParamLayout: ...
    def build(self, *, product_dtype: torch.dtype | None = None, device: str = "cpu") -> nn.Module: ...
    def initial(self, count: int, generator: torch.Generator) -> Tensor: ...
    def to_json(self) -> dict: ...


FAMILIES: dict[str, type[Siren | LeNetLike | VanillaCNN | ResNet]] = {
    kind.family: kind for kind in (Siren, LeNetLike, VanillaCNN, ResNet)
}


def architecture_from_json(data: Mapping) -> Architecture:
    """Inverse of `Architecture.to_json`; raises UnknownArchitecture for another family."""
    family = data.get("family")
    if family not in FAMILIES:
        raise UnknownArchitecture(f"expected a family of {sorted(FAMILIES)}, got {family!r}")
    return FAMILIES[family].from_json(data)
