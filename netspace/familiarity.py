"""Whether a latent lies where a space has learnt to decode: as far from the gallery as the gallery's own, or farther.

A space can be made to reproduce what it has never learnt: among all that so many numbers can decode to, there is
something like a ball, far away from what it was trained on, and refinement finds it. How well the decoded network
agrees does not tell; where the encoder puts the network before any refinement does.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.lso import Prior

FEWEST = 12
"""Latents from which a gallery says where it lies."""
FOLDS = 8


@dataclass(frozen=True)
class Familiarity:
    """`usual` is the median over the gallery of what `prior` says of a latent, each left out of the prior it meets."""

    prior: Prior
    usual: float

    @classmethod
    def of(cls, latents: Tensor) -> "Familiarity | None":
        """From codes [M, C]; None if they are too few."""
        if len(latents) < FEWEST:
            return None
        folds = torch.arange(len(latents)) % FOLDS
        left_out = torch.cat([Prior.of(latents[folds != k])(latents[folds == k]) for k in range(FOLDS)])
        return cls(Prior.of(latents), max(float(left_out.median()), 1e-12))

    def strangeness(self, z: Tensor) -> float:
        """z [D] -> how far its code is from the gallery, squared (Mahalanobis): about 1 for the gallery's own."""
        return float(self.prior(z.cpu()[None])) / self.usual
