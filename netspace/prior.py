"""Where a space's networks live: plausible codes, for searches that are not to leave them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

FEWEST = 12
"""Codes from which a kind is told apart from the others."""


def inverse(matrices: Tensor) -> Tensor:
    """[.., C, C] -> their inverses, in float64.

    By numpy: the threads that torch factors several matrices with, and those that each of them is factored with, have
    waited for one another without end in a server's thread.
    """
    return torch.from_numpy(np.linalg.inv(matrices.double().cpu().numpy()))


@dataclass(frozen=True)
class Gaussian:
    """Of codes about `mean` [C], with `precision` [C, C]."""

    mean: Tensor
    precision: Tensor

    @classmethod
    def of(cls, codes: Tensor) -> "Gaussian":
        """From codes [M, C]. The covariance is mixed with its diagonal: the fewer codes, the more, and half at most."""
        count, size = codes.shape
        mean = codes.mean(0)
        centred = (codes - mean).double()
        covariance = centred.T @ centred / max(1, count - 1)
        variance = covariance.diagonal()
        variance = variance.clamp_min(max(1e-3 * float(variance.mean()), 1e-6))
        shrinkage = min(0.5, 0.1 * size / count)
        mixed = (1 - shrinkage) * covariance + shrinkage * torch.diag(variance)
        return cls(mean, inverse(mixed).to(codes))

    @property
    def code(self) -> int:
        """C, how many of a latent's numbers are its code."""
        return len(self.mean)

    def square(self, difference: Tensor) -> Tensor:
        """difference [B, C or D] -> squared Mahalanobis length over C, [B]: details do not count."""
        difference = difference[:, : self.code]
        return ((difference @ self.precision) * difference).mean(-1)

    @cached_property
    def level(self) -> float:
        """How thinly it is spread: the logarithm of its covariance's determinant, over C."""
        return -float(np.linalg.slogdet(self.precision.double().cpu().numpy())[1]) / self.code

    def __call__(self, z: Tensor) -> Tensor:
        """z [B, C or D] -> [B]: about one for codes like its own, large far from them."""
        return self.square(z[:, : self.code] - self.mean)

    def to(self, device: torch.device) -> "Gaussian":
        return Gaussian(self.mean.to(device), self.precision.to(device))


def by_kind(codes: Tensor, kinds: Sequence[str] | None = None) -> list[Tensor]:
    """codes [M, C] and the kind of each -> those of every kind that has enough; all as one kind where none has."""
    names = [""] * len(codes) if kinds is None else list(kinds)
    rows = [[i for i, name in enumerate(names) if name == kind] for kind in sorted(set(names))]
    return [codes[own] for own in rows if len(own) >= FEWEST] or [codes]


@dataclass(frozen=True)
class Prior:
    """A Gaussian for each kind of network, as each source of shapes is one: the likeliest says how plausible a code is.

    One Gaussian about all would call plausible what lies between the kinds, where there is nothing. Likelihoods are
    compared as densities: a kind that is spread thinly claims less of what lies close to another.
    """

    kinds: tuple[Gaussian, ...]

    @classmethod
    def of(cls, codes: Tensor, kinds: Sequence[str] | None = None) -> "Prior":
        """From codes [M, C] and the kind of each; by default of one kind."""
        return cls(tuple(Gaussian.of(own) for own in by_kind(codes, kinds)))

    @classmethod
    def flat(cls, code: int) -> "Prior":
        """To which every latent is as good as any other."""
        return cls((Gaussian(torch.zeros(code), torch.zeros(code, code)),))

    @property
    def code(self) -> int:
        """C, how many of a latent's numbers are its code."""
        return self.kinds[0].code

    def square(self, difference: Tensor) -> Tensor:
        """difference [B, C or D] -> [B], its length where it is the shortest."""
        return torch.stack([kind.square(difference) for kind in self.kinds]).amin(0)

    def __call__(self, z: Tensor) -> Tensor:
        """z [B, C or D] -> [B], -2 log of its likelihood over C but for a constant: at most about one for a latent like
        those of the densest kind, large far from all."""
        if len(self.kinds) == 1:
            return self.kinds[0](z)
        densest = min(kind.level for kind in self.kinds)
        return torch.stack([kind(z) + kind.level - densest for kind in self.kinds]).amin(0)

    def to(self, device: torch.device) -> "Prior":
        return Prior(tuple(kind.to(device) for kind in self.kinds))
