"""What classifiers predict, and how right they are."""

from collections.abc import Sequence

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.data.images import ImageSet, normalised
from netspace.functional import run

CHUNK = 500
"""Images at a time: activations stay in cache."""


@torch.no_grad()
def logits(arch: Architecture, theta: Tensor, images: ImageSet, flipped: bool = False) -> Tensor:
    """theta [P] -> logits [N, C] on every image, as it is or mirrored left to right."""
    parts = []
    for part in images.images.split(CHUNK):
        shown = normalised(part.to(theta.device))
        parts.append(run(arch, theta[None], shown.flip(-1) if flipped else shown)[0])
    return torch.cat(parts)


def predictions(arch: Architecture, theta: Tensor, images: ImageSet) -> Tensor:
    """theta [P] -> the likeliest class [N] of every image."""
    return logits(arch, theta, images).argmax(1).cpu()


def accuracy(predicted: Tensor, images: ImageSet) -> float:
    """Share of right classes [N]."""
    return float((predicted == images.labels).float().mean())


def right_by_class(predicted: Tensor, images: ImageSet) -> tuple[Tensor, Tensor]:
    """(right answers [C], images [C]) of every class, for predicted classes [N]."""
    count = len(images.classes)
    right = images.labels[predicted == images.labels]
    return torch.bincount(right, minlength=count), torch.bincount(images.labels, minlength=count)


def agreement(first: Tensor, second: Tensor) -> float:
    """Share of images that two networks put into the same class, [N] and [N]."""
    return float((first == second).float().mean())


def straightness(ts: Sequence[float], values: Sequence[float]) -> float:
    """R^2 of the straight line that fits values best over ts; 1 where they do not vary."""
    t, y = (torch.tensor(x, dtype=torch.float64) for x in (ts, values))
    t, y = t - t.mean(), y - y.mean()
    spread = float(y.square().sum())
    if spread < 1e-12:
        return 1.0
    slope = (t * y).sum() / t.square().sum().clamp_min(1e-12)
    return 1 - float((y - slope * t).square().sum()) / spread
