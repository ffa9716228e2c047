"""`attributes`: the latent nearest to the start whose shape has wanted properties, measured or regressed."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.data.points import grid_points
from netspace.errors import BadObjective
from netspace.functional import run
from netspace.lso import CHECK, Prior
from netspace.spaces.gallery import Gallery
from netspace.spaces.space import Space

VOLUME = "volume"
FEWEST = 12
"""Gallery networks that must know a property before it is regressed."""
LEAST_R2 = 0.3
"""Held-out R^2 below which a property is not offered: its direction would be noise."""
FOLDS = 8
RIDGES = tuple(10.0**k for k in range(-3, 4))
SIDE, SOFTNESS = 24, 0.01
"""Cells a side of the grid on which volume is measured, and the width of the soft inside."""


@dataclass(frozen=True)
class Regression:
    """A property as a linear function of the latent: weights [D], bias; `r2` on networks that were left out.

    `low`, `high`, `deviation`: of the property over the gallery.
    """

    name: str
    weights: Tensor
    bias: float
    r2: float
    low: float
    high: float
    deviation: float

    def __call__(self, z: Tensor) -> Tensor:
        """z [B, D] -> [B]."""
        return z @ self.weights.to(z.device) + self.bias


def _ridge(x: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """x [M, D], y [M] -> (weights [D], bias), the penalty chosen by the exact leave-one-out error."""
    mean_x, mean_y = x.mean(0), y.mean()
    centred, rest = x - mean_x, y - mean_y
    products = centred @ centred.T
    scale = float(products.diagonal().mean().clamp_min(1e-12))
    best: tuple[float, Tensor] | None = None
    for ridge in RIDGES:
        solved = torch.linalg.inv(products + ridge * scale * torch.eye(len(x), dtype=x.dtype))
        hat = products @ solved
        left_out = (rest - hat @ rest) / (1 - hat.diagonal() - 1 / len(x)).clamp_min(1e-9)
        error = float(left_out.square().sum())
        if best is None or error < best[0]:
            best = error, centred.T @ (solved @ rest)
    assert best is not None
    return best[1], float(mean_y - mean_x @ best[1])


def regress(name: str, latents: Tensor, values: Tensor) -> Regression:
    """latents [M, D], values [M] -> Regression. `r2` is by FOLDS-fold cross-validation, the penalty chosen within each
    fold, so that nothing that it is tested on has been seen."""
    x, y = latents.double().cpu(), values.double().cpu()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    missed, spread = 0.0, 0.0
    for fold in range(min(FOLDS, len(x))):
        held = order[fold::FOLDS]
        rest = torch.tensor(sorted(set(range(len(x))) - set(held.tolist())))
        weights, bias = _ridge(x[rest], y[rest])
        missed += float((y[held] - x[held] @ weights - bias).square().sum())
        spread += float((y[held] - y[rest].mean()).square().sum())
    weights, bias = _ridge(x, y)
    r2 = 1 - missed / spread if spread > 1e-12 else 0.0
    return Regression(
        name, weights.float(), bias, r2, float(y.min()), float(y.max()), max(float(y.std()), 1e-9)
    )  # fmt: skip


def regressions(gallery: Gallery) -> dict[str, Regression]:
    """Every numeric property that enough networks of the gallery know and whose values differ, by name."""
    found = {}
    names = {name for entry in gallery.entries for name in entry.properties}
    for name in sorted(names - {VOLUME}):
        rows = [i for i, entry in enumerate(gallery.entries) if type(entry.properties.get(name)) in (int, float)]
        if len(rows) < FEWEST:
            continue
        values = torch.tensor([float(gallery.entries[i].properties[name]) for i in rows])
        if float(values.std()) > 0 and bool(torch.isfinite(values).all()):
            found[name] = regress(name, gallery.latents[rows], values)
    return found


def soft_volume(space: Space, z: Tensor, shift: Tensor | None = None) -> Tensor:
    """z [B, D] -> volume of the decoded solids in the cube's units [B], differentiable; `shift` [3] moves the grid by
    up to a cell."""
    cell = 2 / SIDE
    points = grid_points(SIDE, z.device).reshape(-1, 3) * (1 - 1 / SIDE)
    if shift is not None:
        points = points + cell * (shift.to(z.device) - 0.5)
    answers = run(space.architectures[0], space.decode(z).theta, points)
    return 8 * torch.sigmoid(-answers / SOFTNESS).mean(1)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a property should be: at `to`, or `by` away from what the start has.

    Raises BadObjective unless exactly one is given.
    """

    to: float | None = None
    by: float | None = None

    def __post_init__(self) -> None:
        given = [x for x in (self.to, self.by) if x is not None]
        if len(given) != 1 or not math.isfinite(given[0]):
            raise BadObjective(f"target: expected either to or by, a finite number, got to={self.to} by={self.by}")


@dataclass(frozen=True)
class Attributes:
    """The objective: squared misses in units of each property's deviation, and `stay` times the squared distance from
    the start in the prior's units."""

    space: Space
    regressions: Mapping[str, Regression]
    goals: Mapping[str, float]
    prior: Prior
    start: Tensor | None = None
    stay: float = 0.0
    seed: int = 0
    kind: str = "attributes"

    @classmethod
    def of(
        cls,
        space: Space,
        known: Mapping[str, Regression],
        targets: Mapping[str, Target],
        prior: Prior,
        start: Tensor | None = None,
        stay: float = 0.1,
        seed: int = 0,
    ) -> "Attributes":
        """`known` is what `regressions` finds.

        Raises BadObjective for a property that the space cannot serve, with what it can, and for `by` without a start
        [D].
        """
        usable = {name: r for name, r in known.items() if r.r2 >= LEAST_R2}
        if not targets:
            raise BadObjective(f"targets: expected at least one of {[VOLUME, *usable]}, got none")
        goals = {}
        for name, target in targets.items():
            if name != VOLUME and name not in usable:
                why = f"; its held-out R^2 is only {known[name].r2:.2f}" if name in known else ""
                raise BadObjective(f"targets: expected some of {[VOLUME, *usable]}, got {name!r}{why}")
            if target.to is not None:
                goals[name] = target.to
                continue
            if start is None or target.by is None:
                raise BadObjective(f"targets: {name}: `by` needs a latent to start from; give `to` instead")
            here = soft_volume(space, start[None]) if name == VOLUME else usable[name](start[None])
            goals[name] = float(here) + target.by
        return cls(space, usable, goals, prior, start, 0.0 if start is None else stay, seed)

    def measured(self, z: Tensor, draw: int = CHECK) -> dict[str, Tensor]:
        """z [B, D] -> the wanted properties [B] by name."""
        out = {}
        for name in self.goals:
            if name != VOLUME:
                out[name] = self.regressions[name](z)
                continue
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + draw + 1) % 2**63)
            shift = None if draw == CHECK else torch.rand(3, generator=generator)
            out[name] = soft_volume(self.space, z, shift)
        return out

    def _scale(self, name: str) -> float:
        return max(0.1 * self.goals[name], 0.01) if name == VOLUME else self.regressions[name].deviation

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:
        found = self.measured(z, draw)
        terms = {name: ((found[name] - goal) / self._scale(name)).square() for name, goal in self.goals.items()}
        if self.start is not None and self.stay:
            terms["stay"] = self.stay * self.prior.square(z - self.start)
        return terms

    @torch.no_grad()
    def verdict(self, z: Tensor) -> str:
        found = self.measured(z[None])
        parts = [f"{name} {float(found[name]):.3g} (wanted {goal:.3g})" for name, goal in self.goals.items()]
        return f"Found by optimising attributes: {', '.join(parts)}."


def offered(known: Mapping[str, Regression]) -> Sequence[Regression]:
    """The regressions that may be asked for, best first."""
    return sorted((r for r in known.values() if r.r2 >= LEAST_R2), key=lambda r: -r.r2)
