"""Whether a code lies where a space has learnt to decode: as far out as what it was trained on, or farther.

A space can be made to reproduce what it has never learnt: details fit almost any surface, and among all that so many
numbers can decode to there is something like a ball. How well the decoded network agrees after refinement does not
tell; where the encoder puts the network does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.errors import BadSpace
from netspace.files import atomic_path
from netspace.prior import FEWEST, Gaussian, Prior, by_kind, inverse

FOLDS = 8
FILE = "familiarity.safetensors"


@dataclass(frozen=True)
class Familiarity:
    """`usual` [K]: for each kind of the prior, the median over its codes of what a Gaussian that a code was left out of
    says of it."""

    prior: Prior
    usual: tuple[float, ...]

    @classmethod
    def of(cls, codes: Tensor, kinds: Sequence[str] | None = None) -> "Familiarity | None":
        """From codes [M, C] and the kind of each; None if they are too few."""
        if len(codes) < FEWEST:
            return None
        return cls(Prior.of(codes, kinds), tuple(_usual(own) for own in by_kind(codes, kinds)))

    @classmethod
    def open(cls, folder: Path) -> "Familiarity | None":
        """What the space in `folder` was kept with; None if nothing. Raises BadSpace for another file."""
        if not (folder / FILE).exists():
            return None
        try:
            kept = load_file(folder / FILE)
            precisions = inverse(kept["covariances"]).float()
            kinds = tuple(map(Gaussian, kept["means"].float(), precisions))
            return cls(Prior(kinds), tuple(kept["usual"].tolist()))
        except (SafetensorError, KeyError, ValueError) as error:
            raise BadSpace(f"{folder / FILE}: expected means, covariances and usual ({error})") from error

    def save(self, folder: Path) -> None:
        """Writes it beside the space: covariances, in half precision, which keeps their inverse what it was."""
        kept = {
            "means": torch.stack([kind.mean for kind in self.prior.kinds]).float(),
            "covariances": inverse(torch.stack([kind.precision for kind in self.prior.kinds])).half(),
            "usual": torch.tensor(self.usual),
        }
        with atomic_path(folder / FILE) as temporary:
            save_file({name: value.contiguous().cpu() for name, value in kept.items()}, temporary)

    def strangeness(self, z: Tensor) -> float:
        """z [D] -> how far out its code is, squared: about 1 for what the space was trained on."""
        z = z.cpu()[None]
        return min(float(kind(z)) / usual for kind, usual in zip(self.prior.kinds, self.usual, strict=True))


def _usual(codes: Tensor) -> float:
    folds = torch.arange(len(codes)) % FOLDS
    left_out = [Gaussian.of(codes[folds != k])(codes[folds == k]) for k in range(FOLDS)]
    return max(float(torch.cat(left_out).median()), 1e-12)


def prior_of(folder: Path, codes: Tensor) -> Prior:
    """Where the networks of the space in `folder` live: kept at its training, else from its gallery's codes [M, C]."""
    known = Familiarity.open(folder)
    return Prior.of(codes) if known is None else known.prior
