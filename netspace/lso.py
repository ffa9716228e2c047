"""Latent space optimisation: gradient descent on a latent, as a generator that can stop and go on.

The paper's LSO freezes the space and moves the latent until the decoded network does what an objective asks. Everything
that a run needs to go on is in a `State`; the same state, objective and config lead to the same latent, bit for bit on
one machine, however often the run was interrupted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Protocol

import torch
from safetensors.torch import load, save
from torch import Tensor

from netspace.errors import BadLatent, BadObjective, NonFiniteValues
from netspace.prior import Prior

CHECK = -1
"""The draw that is the same every time: by it latents are compared."""
CHECK_EVERY = 10
"""Steps between two comparisons with the best latent so far."""
BETAS = (0.9, 0.95)


class LatentObjective(Protocol):
    """What a decoded network should do, as terms to be made small."""

    @property
    def kind(self) -> str:
        """Its name in requests."""

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:
        """z [B, D] -> weighted terms [B] by name, differentiable; `draw` decides what is sampled."""

    def verdict(self, z: Tensor) -> str:
        """One sentence for a person on what z [D] has reached."""


@dataclass(frozen=True, kw_only=True)
class LsoConfig:
    """Adam with cosine decay over `steps`; ends early after `patience` steps without a better latent.

    `prior` weighs `Prior` against the objective's terms. A latent's details move by `details` of what its code does, 0
    keeps them; `ridge` weighs their mean square. Raises BadObjective for a value that makes no sense.
    """

    steps: int = 400
    lr: float = 0.1
    prior: float = 1e-2
    patience: int = 100
    seed: int = 0
    details: float = 0.0
    ridge: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 0 or self.patience < 1:
            raise BadObjective(f"expected steps >= 0 and patience >= 1, got {self.steps} and {self.patience}")
        if not (0 < self.lr < math.inf and 0 <= self.prior < math.inf):
            raise BadObjective(f"expected a finite lr > 0 and prior >= 0, got {self.lr} and {self.prior}")
        if not (0 <= self.details < math.inf and 0 <= self.ridge < math.inf):
            raise BadObjective(f"expected finite details and ridge >= 0, got {self.details} and {self.ridge}")


@dataclass(frozen=True)
class State:
    """A run between two steps: latents and Adam's moments [D], and the best latent so far with its value and step."""

    step: Tensor  # [] int64
    start: Tensor
    z: Tensor
    first: Tensor
    second: Tensor
    best: Tensor
    best_value: Tensor  # [] float64
    best_step: Tensor  # [] int64

    def to_bytes(self) -> bytes:
        """As safetensors. Inverse of `from_bytes`."""
        return save({f.name: getattr(self, f.name).cpu().clone() for f in fields(self)})

    @classmethod
    def from_bytes(cls, content: bytes) -> "State":
        return cls(**load(content))

    def to(self, device: torch.device) -> "State":
        return State(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class Update:
    """After a step: the state, the terms that the step descended, and on a check the value of the new latent."""

    state: State
    terms: dict[str, float]
    value: float | None

    @property
    def loss(self) -> float:
        return sum(self.terms.values())


def _weighted(objective: LatentObjective, prior: Prior, config: LsoConfig, z: Tensor, draw: int) -> dict[str, Tensor]:
    terms = {**objective.terms(z, draw), "prior": config.prior * prior(z)}
    if config.ridge and z.shape[1] > prior.code:
        terms["details"] = config.ridge * z[:, prior.code :].square().mean(1)
    return terms


@torch.no_grad()
def values(objective: LatentObjective, prior: Prior, config: LsoConfig, z: Tensor) -> Tensor:
    """What a run makes small, for each of z [B, D] on the same sample: [B] float64."""
    terms = [_weighted(objective, prior, config, one[None], CHECK) for one in z]
    return torch.stack([sum(t.values(), torch.zeros(1, device=z.device)).double()[0] for t in terms])


def begin(objective: LatentObjective, prior: Prior, config: LsoConfig, candidates: Tensor) -> State:
    """The state of a run that starts at the best of candidates [K, D].

    Raises BadLatent if there is none or one is not finite, NonFiniteValues if none has a finite value.
    """
    if not len(candidates) or not bool(torch.isfinite(candidates).all()):
        raise BadLatent(f"start: expected at least one finite latent, got {tuple(candidates.shape)}")
    found = values(objective, prior, config, candidates)
    if not bool(torch.isfinite(found).any()):
        raise NonFiniteValues(f"start: expected a finite value of the objective, got {found.tolist()[:3]}")
    row = int(found.nan_to_num(torch.inf).argmin())
    z = candidates[row].clone()
    zero, count = torch.zeros_like(z), torch.tensor(0)
    return State(count, z, z, zero, zero, z, found[row], count)


@torch.enable_grad()
def _gradient(
    objective: LatentObjective, prior: Prior, config: LsoConfig, z: Tensor, draw: int
) -> tuple[Tensor, dict[str, float]]:
    at = z[None].detach().requires_grad_()
    terms = _weighted(objective, prior, config, at, draw)
    (slope,) = torch.autograd.grad(torch.stack([term.sum() for term in terms.values()]).sum(), at)
    return slope[0], {name: float(term.detach()) for name, term in terms.items()}


def _step(objective: LatentObjective, prior: Prior, config: LsoConfig, state: State) -> tuple[State, dict[str, float]]:
    step = int(state.step)
    slope, terms = _gradient(objective, prior, config, state.z, step)
    if not bool(torch.isfinite(slope).all()):
        raise NonFiniteValues(f"step {step}: expected a finite gradient; a smaller lr than {config.lr} may help")
    first = BETAS[0] * state.first + (1 - BETAS[0]) * slope
    second = BETAS[1] * state.second + (1 - BETAS[1]) * slope.square()
    lr = config.lr * 0.5 * (1 + math.cos(math.pi * step / config.steps))
    mean, square = first / (1 - BETAS[0] ** (step + 1)), second / (1 - BETAS[1] ** (step + 1))
    rates = torch.full_like(state.z, lr)
    rates[prior.code :] *= config.details
    z = state.z - rates * mean / (square.sqrt() + 1e-8)
    return replace(state, step=torch.tensor(step + 1), z=z, first=first, second=second), terms


def finished(config: LsoConfig, state: State) -> bool:
    """All steps done, or none of the last `patience` found a better latent."""
    return int(state.step) >= config.steps or int(state.step - state.best_step) >= config.patience


def optimise(objective: LatentObjective, prior: Prior, config: LsoConfig, state: State) -> Iterator[Update]:
    """One update a step, from `state` on until `finished`.

    `state.best` never gets worse. Raises NonFiniteValues where the objective's gradient is not finite.
    """
    while not finished(config, state):
        state, terms = _step(objective, prior, config, state)
        value = None
        if int(state.step) % CHECK_EVERY == 0 or int(state.step) == config.steps:
            found = values(objective, prior, config, state.z[None])[0]
            value = float(found)
            if found < state.best_value:
                state = replace(state, best=state.z, best_value=found, best_step=state.step)
        yield Update(state, terms, value)
