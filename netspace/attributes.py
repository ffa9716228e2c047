"""`attributes`: the latent nearest to the start whose shape has wanted properties, measured or regressed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.data.points import grid_points
from netspace.directions import LEAST_R2, Regression
from netspace.errors import BadObjective
from netspace.functional import run
from netspace.lso import CHECK
from netspace.prior import Prior
from netspace.spaces.space import Space

VOLUME = "volume"
SIDE, SOFTNESS = 24, 0.01
"""Cells a side of the grid on which volume is measured, and the width of the soft inside."""


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
