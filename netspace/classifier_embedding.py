"""Embeds a classifier: encode it, and say how far its decoded twin predicts as it does."""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.classify import accuracy, agreement, predictions
from netspace.data.images import ImageSet
from netspace.errors import UnknownArchitecture
from netspace.spaces.encoders import ImageBehaviourEncoder
from netspace.spaces.space import Space

REPRESENTED = 0.3
"""Agreement of predictions from which a network counts as represented by its decoded twin.

Held-out networks of the spaces that ship agree with their twins on 31 to 84% of the probe images; chance is 10%."""


def represented(agreement: float) -> bool:
    """Whether a decoded classifier is the one that was embedded, by the share of same predictions."""
    return agreement >= REPRESENTED


def verdict(agreement: float, architecture: str, decoded: str) -> str:
    """The same in one sentence for a person."""
    figures = f"(same prediction for {agreement:.0%} of the images)"
    if not represented(agreement):
        return (
            f"Badly represented: the decoded {decoded} predicts otherwise than your {architecture} {figures}. It was "
            "probably trained on other images or classes, or with another normalisation."
        )
    if architecture != decoded:
        return f"Represented as a {decoded}, though yours is a {architecture} {figures}."
    if agreement >= 0.7:
        return f"Well represented: the decoded {decoded} predicts as yours does {figures}."
    return (
        f"Roughly represented: the decoded {decoded} is of its kind, but predicts otherwise here and there {figures}."
    )


@dataclass(frozen=True)
class ClassifierEmbedding:
    """z [D]; the share of images for which decoded and input network predict the same; accuracies in [0, 1].

    `accuracy` and `decoded_accuracy` are measured where there are labelled images (`measured`); elsewhere agreement is
    that on the space's own probe images and the accuracies are one estimate, linear in the latent.
    """

    z: Tensor
    architecture: str
    decoded_architecture: str
    agreement: float
    accuracy: float
    decoded_accuracy: float
    measured: bool

    @property
    def figures(self) -> dict[str, float]:
        """What is known about the twin, by name."""
        return {"agreement": self.agreement, "accuracy": self.accuracy, "decoded_accuracy": self.decoded_accuracy}

    @property
    def represented(self) -> bool:
        return represented(self.agreement)

    @property
    def verdict(self) -> str:
        return verdict(self.agreement, self.architecture, self.decoded_architecture)


@torch.no_grad()
def embed_classifier(
    space: Space, arch: Architecture, theta: Tensor, images: ImageSet | None = None
) -> ClassifierEmbedding:
    """Network theta [P] -> ClassifierEmbedding; `images` measure the agreement and the accuracies if they are given.

    Raises UnknownArchitecture if the space's encoder cannot read it, or has no probe images and none are given.
    """
    theta = theta.to(space.device)
    z = space.encode(theta[None], arch)[0]
    ((twin_arch, twin),) = space.networks(space.decode(z[None]))
    if images is not None:
        mine, other = (predictions(a, t, images) for a, t in ((arch, theta), (twin_arch, twin)))
        right = accuracy(mine, images), accuracy(other, images)
    else:
        encoder = space.encoder
        if not isinstance(encoder, ImageBehaviourEncoder):
            raise UnknownArchitecture("the prep encoder has no probe images to compare networks on: images are needed")
        mine, other = (encoder.responses(t[None], a)[0].argmax(1) for a, t in ((arch, theta), (twin_arch, twin)))
        estimate = float(space.estimate_accuracy(z[None])[0])
        right = estimate, estimate
    return ClassifierEmbedding(
        z=z.cpu(),
        architecture=arch.name,
        decoded_architecture=twin_arch.name,
        agreement=agreement(mine, other),
        accuracy=right[0],
        decoded_accuracy=right[1],
        measured=images is not None,
    )
