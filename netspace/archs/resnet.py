"""ResNets of the CIFAR kind (He et al. 2016): 6n+2 layers, trained with batch norm and folded."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs.classifier import Classifier
from netspace.errors import UnknownArchitecture

CHANNELS = (16, 32, 64)
MAX_DEPTH = 110
EPSILON = 1e-5
"""PyTorch's default in batch norm; a state dict does not tell it."""
NORM_OF = {"conv1": "bn1", "conv2": "bn2", "shortcut": "shortcut_bn"}
"""The batch norm that follows a convolution, both by the last part of their names."""


def _convolution(inputs: int, outputs: int, size: int, stride: int, batch_norm: bool) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=not batch_norm)


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=EPSILON) if batch_norm else nn.Identity()


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the number of channels changes."""

    def __init__(self, inputs: int, outputs: int, batch_norm: bool) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = _convolution(inputs, outputs, 3, stride, batch_norm)
        self.bn1 = _norm(outputs, batch_norm)
        self.conv2 = _convolution(outputs, outputs, 3, 1, batch_norm)
        self.bn2 = _norm(outputs, batch_norm)
        self.shortcut: nn.Module = nn.Identity()
        self.shortcut_bn: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = _convolution(inputs, outputs, 1, stride, batch_norm)
            self.shortcut_bn = _norm(outputs, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.bn1(self.conv1(x)))
        return F.leaky_relu(self.bn2(self.conv2(h)) + self.shortcut_bn(self.shortcut(x)))


class ResNetModule(nn.Module):
    """images [N, 3, S, S] -> logits [N, classes]; a map of `pooled` x `pooled` is left before the linear layer."""

    def __init__(self, blocks: int, pooled: int, classes: int, batch_norm: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.conv1 = _convolution(3, CHANNELS[0], 3, 1, batch_norm)
        self.bn1 = _norm(CHANNELS[0], batch_norm)
        for stage, outputs in enumerate(CHANNELS):
            inputs = CHANNELS[max(0, stage - 1)]
            parts = [Block(inputs if i == 0 else outputs, outputs, batch_norm) for i in range(blocks)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*parts))
        self.fc = nn.Linear(CHANNELS[-1] * pooled * pooled, classes)

    def forward(self, images: Tensor) -> Tensor:
        h = F.leaky_relu(self.bn1(self.conv1(images)))
        for stage in range(len(CHANNELS)):
            h = self.get_submodule(f"layer{stage + 1}")(h)
        return self.fc(F.adaptive_avg_pool2d(h, self.pooled).flatten(1))


@dataclass(frozen=True, kw_only=True)
class ResNet(Classifier):
    """`depth` = 6n+2 layers; ResNet8 has 77,706 parameters for CIFAR-10 and 128,456 for Tiny-ImageNet.

    With `batch_norm` it is trained, and its parameters include the running statistics; without, it is what NetSpace
    knows: `fold_batchnorm` makes the one of the other.
    """

    depth: int = 8
    batch_norm: bool = False

    family = "resnet"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth % 6 != 2 or not 8 <= self.depth <= MAX_DEPTH:
            raise UnknownArchitecture(f"resnet: expected a depth of 6n+2 from 8 to {MAX_DEPTH}, got {self.depth}")

    @property
    def title(self) -> str:
        return f"ResNet{self.depth}" + ("-BN" if self.batch_norm else "")

    @property
    def blocks(self) -> int:
        """Blocks a stage, n."""
        return (self.depth - 2) // 6

    def module(self) -> nn.Module:
        return ResNetModule(self.blocks, self.image_size // 32, self.classes, self.batch_norm)

    def gain(self, name: str) -> float:
        """Without batch norm a block adds its share, so that activations do not grow with the depth."""
        shared = name.endswith("conv2.weight") and not self.batch_norm
        return (3 * self.blocks) ** -0.5 if shared else super().gain(name)


def fold(weight: Tensor, bias: Tensor | None, norm: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """A convolution and the batch norm behind it (weight, bias, running_mean, running_var) -> one convolution.

    weight [..., out, in, k, k], the others [..., out]; computed in float64 and returned in float32.
    """
    mean, variance = norm["running_mean"].double(), norm["running_var"].double()
    scale = norm["weight"].double() / torch.sqrt(variance + EPSILON)
    shift = norm["bias"].double() + scale * ((0.0 if bias is None else bias.double()) - mean)
    return (weight.double() * scale[..., None, None, None]).float(), shift.float()


def fold_batchnorm(arch: ResNet, state: Mapping[str, Tensor]) -> tuple[ResNet, Tensor]:
    """A ResNet's state dict with batch norm -> (the ResNet without, theta [..., P]), equal to it in eval mode.

    Leading dimensions (many networks at once) are kept. Raises ShapeMismatch naming what is missing.
    """
    state = arch.layout.unflatten(arch.layout.flatten(state))
    if not arch.batch_norm:
        return arch, arch.layout.flatten(state)
    folded = replace(arch, batch_norm=False)
    made = {name: state[name] for name in ("fc.weight", "fc.bias")}
    for name in folded.layout.names:
        if name.endswith(".weight") and name not in made:
            conv = name.removesuffix(".weight")
            scope, _, last = conv.rpartition(".")
            norm = f"{scope}.{NORM_OF[last]}".lstrip(".")
            statistics = {kind: state[f"{norm}.{kind}"] for kind in ("weight", "bias", "running_mean", "running_var")}
            made[name], made[f"{conv}.bias"] = fold(state[name], state.get(f"{conv}.bias"), statistics)
    return folded, folded.layout.flatten(made)
