"""VanillaCNN: five 3x3 convolutions and one linear layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs.classifier import Classifier


class VanillaModule(nn.Module):
    """images [N, 3, S, S] -> logits [N, classes]; `features` are left after the last convolution."""

    def __init__(self, channels: Sequence[int], strides: Sequence[int], features: int, classes: int) -> None:
        super().__init__()
        pairs = zip(pairwise(channels), strides, strict=True)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=stride, padding=1) for (a, b), stride in pairs)
        self.fc = nn.Linear(features, classes)

    def forward(self, images: Tensor) -> Tensor:
        h = images
        for conv in self.convs:
            h = F.leaky_relu(conv(h))
        return self.fc(h.flatten(1))


@dataclass(frozen=True, kw_only=True)
class VanillaCNN(Classifier):
    """68,818 parameters for CIFAR-10, 112,856 for Tiny-ImageNet."""

    family = "vanilla"
    title = "VanillaCNN"

    def module(self) -> nn.Module:
        if self.image_size == 32:
            return VanillaModule((3, 8, 8, 32, 64, 64), (2, 1, 2, 1, 2), 64 * 4 * 4, self.classes)
        return VanillaModule((3, 8, 16, 32, 64, 64), (2, 2, 2, 2, 2), 64 * 2 * 2, self.classes)
