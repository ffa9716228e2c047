"""What the image classifiers of the paper's section 4 have in common; each file beside this one defines one family."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from netspace.errors import UnknownArchitecture
from netspace.layout import ParamLayout

IMAGE_SIZES = (32, 64)
"""CIFAR-10's and Tiny-ImageNet's."""
MAX_CLASSES = 10_000


@dataclass(frozen=True, kw_only=True)
class Classifier(ABC):
    """A classifier of RGB images of `image_size` x `image_size`: images [N, 3, S, S] -> logits [N, classes]."""

    image_size: int = 32
    classes: int = 10

    family: ClassVar[str]
    task: ClassVar[str] = "classifier"

    def __post_init__(self) -> None:
        if self.image_size not in IMAGE_SIZES:
            raise UnknownArchitecture(f"{self.family}: expected image_size of {IMAGE_SIZES}, got {self.image_size}")
        if not 1 <= self.classes <= MAX_CLASSES:
            raise UnknownArchitecture(f"{self.family}: expected 1 to {MAX_CLASSES} classes, got {self.classes}")

    @property
    @abstractmethod
    def title(self) -> str:
        """The paper's name of it."""

    @abstractmethod
    def module(self) -> nn.Module:
        """The forward pass, on PyTorch's current default device."""

    @property
    def name(self) -> str:
        usual = (self.image_size, self.classes) == (32, 10)
        return self.title if usual else f"{self.title}-{self.image_size}px-{self.classes}"

    @property
    def in_shape(self) -> tuple[int, ...]:
        return (3, self.image_size, self.image_size)

    def build(self, *, product_dtype: torch.dtype | None = None, device: str = "cpu") -> nn.Module:
        """A fresh module: what `network_bytes` writes is its state dict, for `load_state_dict` and `eval()`.

        Classifiers compute in their parameters' type, so `product_dtype` has to be None.
        """
        assert product_dtype is None, "lower precision is for SDF networks"
        with torch.device(device):
            return self.module()

    @cached_property
    def layout(self) -> ParamLayout:
        return ParamLayout.of(self.build(device="meta"))

    def initial(self, count: int, generator: torch.Generator) -> Tensor:
        """theta [count, P]: independent initialisations (He et al. 2015), biases zero, batch norm the identity."""
        state = {}
        for name, shape in zip(self.layout.names, self.layout.shapes, strict=True):
            if len(shape) > 1:
                deviation = self.gain(name) * math.sqrt(2 / math.prod(shape[1:]))
                state[name] = deviation * torch.randn(count, *shape, generator=generator)
            else:
                identity = name.endswith(("weight", "running_var"))
                state[name] = torch.full((count, *shape), float(identity))
        return self.layout.flatten(state)

    def gain(self, name: str) -> float:
        """Factor on the initial deviation of a weight; the last layer starts small, so that no class is preferred."""
        return 0.3 if name == self.layout.names[-2] else 1.0

    def to_json(self) -> dict:
        return {"family": self.family, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping) -> Self:
        """Inverse of `to_json`; what is not named has its default. Raises UnknownArchitecture."""
        known = {f.name for f in fields(cls)}
        if unknown := sorted(data.keys() - known - {"family"}):
            raise UnknownArchitecture(f"{cls.family}: expected {sorted(known)}, got {unknown}")
        for f in fields(cls):
            kind = bool if f.type in (bool, "bool") else int
            if f.name in data and type(data[f.name]) is not kind:
                raise UnknownArchitecture(f"{cls.family}: {f.name}: expected {kind.__name__}, got {data[f.name]!r}")
        return cls(**{name: data[name] for name in known & data.keys()})
