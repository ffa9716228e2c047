"""LeNetLike: strided 5x5 convolutions, then three linear layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs.classifier import Classifier


class LeNetModule(nn.Module):
    """images [N, 3, S, S] -> logits [N, classes]. `paddings` has one entry a convolution; they leave a 5x5 map."""

    def __init__(self, channels: Sequence[int], paddings: Sequence[int], classes: int) -> None:
        super().__init__()
        pairs = zip(pairwise(channels), paddings, strict=True)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 5, stride=2, padding=padding) for (a, b), padding in pairs)
        self.fc1 = nn.Linear(channels[-1] * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, images: Tensor) -> Tensor:
        h = images
        for conv in self.convs:
            h = F.leaky_relu(conv(h))
        h = F.leaky_relu(self.fc1(h.flatten(1)))
        return self.fc3(F.leaky_relu(self.fc2(h)))


@dataclass(frozen=True, kw_only=True)
class LeNetLike(Classifier):
    """62,006 parameters for CIFAR-10, 79,612 for Tiny-ImageNet."""

    family = "lenet"
    title = "LeNetLike"

    def module(self) -> nn.Module:
        if self.image_size == 32:
            return LeNetModule((3, 6, 16), (0, 0), self.classes)
        return LeNetModule((3, 4, 8, 16), (2, 0, 0), self.classes)
