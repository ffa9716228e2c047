"""Named directions of a space: properties, regressed on its gallery, and the gallery's principal components."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from netspace.prior import Gaussian
from netspace.spaces.gallery import Entry, Gallery

FEWEST = 12
"""Gallery networks that must know a property before it is regressed."""
LEAST_R2 = 0.3
"""Held-out R^2 below which a property is not offered: its direction would be noise."""
FOLDS = 8
RIDGES = tuple(10.0**k for k in range(-3, 4))
COMPONENTS = 4
MOST_KINDS = 8
"""Distinct words of a property that become a direction each."""
ABSENT = "none"
"""The word for what a network does not have: `arms` is how far it has any."""
NO_PROPERTY = frozenset({"volume", "fit_iou"})
"""Numbers that are no property of what a network stands for: volume is measured on the decoded shape itself, and
how well a network was fitted is not the shape's."""
UNITS = {"back_tilt": "degrees"}
"""Of properties that are no lengths in the cube's units, counts or shares."""


@dataclass(frozen=True)
class Regression:
    """A property as a linear function of the code: weights [C], bias; `r2` on networks that were left out.

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
        return z[:, : len(self.weights)] @ self.weights.to(z.device) + self.bias


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One unit of it adds `step` [C] to a code. `low`, `high` and `deviation` are over the gallery, in its unit.

    `r2` of an attribute is that of its regression; of a component its share of the gallery's variance.
    """

    name: str
    title: str
    kind: Literal["attribute", "component"]
    r2: float
    low: float
    high: float
    unit: str
    deviation: float
    step: Tensor


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
    deviation = max(float(y.std()), 1e-9)
    return Regression(name, weights.float(), bias, r2, float(y.min()), float(y.max()), deviation)


def _columns(entries: Sequence[Entry]) -> dict[str, dict[int, float]]:
    """Every property as numbers by row of the gallery.

    A word becomes a number for each value, 1 where a network has it: `base.star`. Where networks may have none of it,
    `arms` is 1 for those that have some.
    """
    found: dict[str, dict[int, float]] = {}
    words: dict[str, dict[int, str]] = {}
    for row, entry in enumerate(entries):
        for name, value in entry.properties.items():
            if type(value) in (int, float) and name not in NO_PROPERTY:
                found.setdefault(name, {})[row] = float(value)
            elif isinstance(value, str):
                words.setdefault(name, {})[row] = value
    for name, values in words.items():
        kinds = sorted(set(values.values()))
        if ABSENT in kinds:
            found[name] = {row: float(value != ABSENT) for row, value in values.items()}
        elif len(kinds) <= MOST_KINDS:
            # Of two kinds, one says it all.
            for kind in kinds[1:] if len(kinds) == 2 else kinds:
                found[f"{name}.{kind}"] = {row: float(value == kind) for row, value in values.items()}
    return found


def regressions(gallery: Gallery) -> dict[str, Regression]:
    """Every property that enough networks of the gallery know and whose values differ, by name."""
    found = {}
    for name, column in sorted(_columns(gallery.entries).items()):
        values = torch.tensor(list(column.values()))
        if len(values) >= FEWEST and float(values.std()) > 0 and bool(torch.isfinite(values).all()):
            found[name] = regress(name, gallery.codes[list(column)], values)
    return found


def offered(known: Mapping[str, Regression]) -> Sequence[Regression]:
    """The regressions that mean something, best first."""
    return sorted((r for r in known.values() if r.r2 >= LEAST_R2), key=lambda r: -r.r2)


def _title(name: str) -> str:
    """`Seat height` for seat_height, `Star base` for base.star."""
    kind, _, value = name.partition(".")
    return f"{value} {kind}".strip().replace("_", " ").capitalize()


def _attribute(found: Regression, prior: Gaussian) -> Direction:
    """The most plausible change by one unit: of all steps that raise the prediction by one, the shortest in the
    prior's measure. Along the weights alone a latent would leave the gallery's surroundings."""
    weights = found.weights.double()
    spread = torch.linalg.solve(prior.precision.double().cpu(), weights)
    step = spread / (weights @ spread).clamp_min(1e-12)
    return Direction(
        name=found.name,
        title=_title(found.name),
        kind="attribute",
        r2=found.r2,
        low=found.low,
        high=found.high,
        unit=UNITS.get(found.name, ""),
        deviation=found.deviation,
        step=step.float(),
    )


def components(latents: Tensor, count: int = COMPONENTS) -> list[Direction]:
    """The first principal components of latents [M, D], the largest first, in standard deviations.

    Each axis' sign is fixed so that its largest entry is positive, as that of the map's axes.
    """
    centred = (latents - latents.mean(0)).double()
    _, values, axes = torch.linalg.svd(centred, full_matrices=False)
    found = []
    for i in range(min(count, len(latents) - 1, latents.shape[1])):
        deviation = float(values[i]) / max(1, len(latents) - 1) ** 0.5
        if deviation < 1e-9:
            break
        axis = axes[i] * (1 if axes[i][axes[i].abs().argmax()] > 0 else -1)
        scores = centred @ axis / deviation
        found.append(
            Direction(
                name=f"pc{i + 1}",
                title=f"Principal component {i + 1}",
                kind="component",
                r2=float(values[i] ** 2 / values.square().sum()),
                low=float(scores.min()),
                high=float(scores.max()),
                unit="standard deviations",
                deviation=1.0,
                step=(axis * deviation).float(),
            )
        )
    return found


def directions(gallery: Gallery, known: Mapping[str, Regression] | None = None) -> dict[str, Direction]:
    """All directions of a space by name: what `regressions` found (found anew by default) and means something, best
    first, then the components."""
    regressed = offered(regressions(gallery) if known is None else known)
    prior = Gaussian.of(gallery.codes)
    attributes = [_attribute(found, prior) for found in regressed]
    return {found.name: found for found in [*attributes, *components(gallery.codes)]}
