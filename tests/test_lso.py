"""Latent space optimisation as a law: a run that stops and goes on is the run that never stopped."""

from dataclasses import dataclass, fields

import pytest
import torch
from torch import Tensor

from netspace.errors import BadLatent, BadObjective, NonFiniteValues
from netspace.lso import CHECK, LsoConfig, State, begin, finished, optimise, values
from netspace.prior import Prior


@dataclass(frozen=True)
class Towards:
    """Noisy squared distance from a goal [D]."""

    goal: Tensor
    kind: str = "towards"

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:
        noise = 0 if draw == CHECK else 0.1 * torch.randn(len(self.goal), generator=torch.Generator().manual_seed(draw))
        return {"distance": (z - self.goal - noise).square().mean(-1)}

    def verdict(self, z: Tensor) -> str:
        return f"{float((z - self.goal).norm()):.3f} away"


@pytest.fixture
def gallery(generator: torch.Generator) -> Tensor:
    return torch.randn(40, 6, generator=generator) * torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0, 0.1]) + 1


@pytest.fixture
def prior(gallery: Tensor) -> Prior:
    return Prior.of(gallery)


GOAL = Towards(torch.full((6,), 0.7))
CONFIG = LsoConfig(steps=60, lr=0.1, prior=1e-3, patience=60)


def last(objective: Towards, prior: Prior, config: LsoConfig, state: State) -> State:
    return [update.state for update in optimise(objective, prior, config, state)][-1]


def test_a_run_interrupted_anywhere_ends_with_the_same_latent_bit_for_bit(prior: Prior) -> None:
    start = begin(GOAL, prior, CONFIG, torch.zeros(1, 6))
    undisturbed = last(GOAL, prior, CONFIG, start)
    for stop in (1, 7, 30, 59):
        for update, _ in zip(optimise(GOAL, prior, CONFIG, start), range(stop), strict=False):
            state = update.state
        again = last(GOAL, prior, CONFIG, State.from_bytes(state.to_bytes()))
        for field in fields(State):
            assert torch.equal(getattr(again, field.name), getattr(undisturbed, field.name)), (stop, field.name)


def test_the_best_latent_never_gets_worse_and_reaches_the_goal(prior: Prior) -> None:
    config = LsoConfig(steps=200, lr=0.1, prior=0.0, patience=200)
    start = begin(GOAL, prior, config, torch.zeros(1, 6))
    best = [float(update.state.best_value) for update in optimise(GOAL, prior, config, start)]
    assert best == sorted(best, reverse=True)
    assert best[-1] < 1e-2 * float(start.best_value)


def test_the_best_value_is_that_of_the_best_latent(prior: Prior) -> None:
    end = last(GOAL, prior, CONFIG, begin(GOAL, prior, CONFIG, torch.zeros(1, 6)))
    assert torch.equal(values(GOAL, prior, CONFIG, end.best[None])[0], end.best_value)


def test_a_run_starts_at_the_best_candidate(prior: Prior) -> None:
    candidates = torch.stack([torch.full((6,), x) for x in (0.0, 0.6, 3.0)])
    assert torch.equal(begin(GOAL, prior, CONFIG, candidates).z, candidates[1])


def test_the_value_of_one_latent_does_not_depend_on_the_others(prior: Prior, gallery: Tensor) -> None:
    together = values(GOAL, prior, CONFIG, gallery)
    assert torch.equal(together, torch.cat([values(GOAL, prior, CONFIG, z[None]) for z in gallery]))


def test_a_run_that_gets_no_better_ends_after_its_patience(prior: Prior) -> None:
    config = LsoConfig(steps=500, lr=0.05, prior=0.0, patience=30)
    end = last(GOAL, prior, config, begin(GOAL, prior, config, GOAL.goal[None]))
    assert int(end.step) == 30
    assert finished(config, end)
    assert torch.equal(end.best, GOAL.goal)


def test_the_prior_is_about_one_for_the_gallery_and_large_far_away(prior: Prior, gallery: Tensor) -> None:
    assert 0.5 < float(prior(gallery).mean()) < 1.5
    assert float(prior(gallery[:1] + 100)) > 100
    assert float(prior(gallery.mean(0, keepdim=True))) == pytest.approx(0, abs=1e-6)


def test_the_prior_pulls_the_latent_to_the_gallery(prior: Prior) -> None:
    far = Towards(torch.full((6,), 30.0))
    ends = []
    for weight in (0.0, 100.0):
        config = LsoConfig(steps=200, lr=1.0, prior=weight, patience=200)
        ends.append(float(prior(last(far, prior, config, begin(far, prior, config, torch.zeros(1, 6))).z[None])))
    assert ends[1] < 0.1 * ends[0]


def test_fewer_latents_than_dimensions_still_make_a_prior() -> None:
    for count in (1, 2, 5):
        prior = Prior.of(torch.randn(count, 16, generator=torch.Generator().manual_seed(0)))
        assert torch.isfinite(prior(torch.zeros(3, 16))).all()


def test_of_two_kinds_the_likelier_says_how_plausible_a_code_is(generator: torch.Generator) -> None:
    near, far = torch.randn(40, 4, generator=generator), 20 + 3 * torch.randn(40, 4, generator=generator)
    together, kinds = torch.cat([near, far]), ["near"] * 40 + ["far"] * 40
    prior, one = Prior.of(together, kinds), Prior.of(together)
    middle = torch.full((1, 4), 10.0)
    assert float(prior(near).mean()) < 1.5 < float(prior(far).mean()) < 5, "what is spread thinly is less likely"
    assert float(prior(middle)) > 10 * float(one(middle)), "between the kinds there is nothing"
    slopes = [kind.level for kind in prior.kinds]
    assert slopes[0] - slopes[1] == pytest.approx(2 * torch.tensor(3.0).log().item(), rel=0.3)


def test_kinds_of_a_few_codes_are_left_out_unless_all_are(generator: torch.Generator) -> None:
    codes = torch.randn(20, 4, generator=generator)
    assert len(Prior.of(codes, ["a"] * 15 + ["b"] * 5).kinds) == 1
    assert len(Prior.of(codes[:10], ["a"] * 5 + ["b"] * 5).kinds) == 1


def test_no_steps_give_the_start(prior: Prior) -> None:
    config = LsoConfig(steps=0)
    assert list(optimise(GOAL, prior, config, begin(GOAL, prior, config, torch.zeros(1, 6)))) == []


@pytest.mark.parametrize(
    "changes", [{"steps": -1}, {"lr": 0.0}, {"lr": float("nan")}, {"prior": -1.0}, {"patience": 0}]
)
def test_a_config_that_makes_no_sense_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(BadObjective, match="expected"):
        LsoConfig(**changes)


@pytest.mark.parametrize("candidates", [torch.zeros(0, 6), torch.full((1, 6), torch.nan)])
def test_a_start_that_is_missing_or_not_finite_is_refused(candidates: Tensor, prior: Prior) -> None:
    with pytest.raises(BadLatent, match="start"):
        begin(GOAL, prior, CONFIG, candidates)


def test_a_gradient_that_is_not_finite_is_said_with_its_step(prior: Prior) -> None:
    start = begin(GOAL, prior, CONFIG, torch.zeros(1, 6))
    with pytest.raises(NonFiniteValues, match="step 0"):
        next(optimise(Towards(torch.full((6,), torch.inf)), prior, CONFIG, start))
