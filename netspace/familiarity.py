"""Whether a code lies where a space has learnt to decode: as far out as what it was trained on, or farther.

A space can be made to reproduce what it has never learnt: details fit almost any surface, and among all that so many
numbers can decode to there is something like a ball. How well the decoded network agrees after refinement does not
tell; where the encoder puts the network does.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.errors import BadSpace
from netspace.files import atomic_path
from netspace.lso import Prior

FEWEST = 12
"""Codes from which it can be said where they lie."""
FOLDS = 8
FILE = "familiarity.safetensors"


@dataclass(frozen=True)
class Familiarity:
    """`usual` is the median over codes of what `prior` says of one, each left out of the prior it meets."""

    prior: Prior
    usual: float

    @classmethod
    def of(cls, codes: Tensor) -> "Familiarity | None":
        """From codes [M, C]; None if they are too few."""
        if len(codes) < FEWEST:
            return None
        folds = torch.arange(len(codes)) % FOLDS
        left_out = torch.cat([Prior.of(codes[folds != k])(codes[folds == k]) for k in range(FOLDS)])
        return cls(Prior.of(codes), max(float(left_out.median()), 1e-12))

    @classmethod
    def open(cls, folder: Path) -> "Familiarity | None":
        """What the space in `folder` was kept with; None if nothing. Raises BadSpace for another file."""
        if not (folder / FILE).exists():
            return None
        try:
            kept = load_file(folder / FILE)
            mean, covariance, usual = kept["mean"].float(), kept["covariance"].double(), float(kept["usual"])
            return cls(Prior(mean, torch.linalg.inv(covariance).float()), usual)
        except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
            raise BadSpace(f"{folder / FILE}: expected mean [C], covariance [C, C] and usual ({error})") from error

    def save(self, folder: Path) -> None:
        """Writes it beside the space: covariances, in half precision, which keeps their inverse what it was."""
        covariance = torch.linalg.inv(self.prior.precision.double())
        kept = {"mean": self.prior.mean.float(), "covariance": covariance.half(), "usual": torch.tensor(self.usual)}
        with atomic_path(folder / FILE) as temporary:
            save_file({name: value.contiguous().cpu() for name, value in kept.items()}, temporary)

    def strangeness(self, z: Tensor) -> float:
        """z [D] -> how far out its code is, squared (Mahalanobis): about 1 for what the space was trained on."""
        return float(self.prior(z.cpu()[None])) / self.usual


def prior_of(folder: Path, codes: Tensor) -> Prior:
    """Where the networks of the space in `folder` live: kept at its training, else from its gallery's codes [M, C]."""
    known = Familiarity.open(folder)
    return Prior.of(codes) if known is None else known.prior
