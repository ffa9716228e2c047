"""Details: what a latent has beside its code, in units that act alike."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from netspace.archs import Siren
from netspace.details import UNIT, measure_units, slopes
from netspace.embedding import RefineConfig, refine
from netspace.errors import BadLatent, BadObjective
from netspace.functional import run
from netspace.lso import LsoConfig, begin, optimise
from netspace.objectives import distance
from netspace.prior import Prior
from netspace.spaces import Space, SpaceConfig, load_space, save_space
from netspace.spaces.config import BehaviourEncoderConfig, DictionaryDecoderConfig
from netspace.spaces.decoders import details_of
from netspace.spaces.space import FULLER

ARCH = Siren(hidden=(8, 6))
SMALL = 3 * 8 + 8 + 6 + 6 + 1
"""Weights of the layers that are no dictionary's: all but the middle matrix."""


@pytest.fixture(scope="module")
def detailed() -> Space:
    torch.manual_seed(0)
    config = SpaceConfig(
        name="tiny",
        title="Tiny",
        latent=8,
        architectures=(ARCH,),
        encoder=BehaviourEncoderConfig(grid=8, patch=2, channels=(4, 4)),
        decoder=DictionaryDecoderConfig(directions=4, hidden=8, details=24),
    )
    made = Space(config).eval().requires_grad_(False)
    details_of(made.decoder)[0].units.fill_(0.1)
    return made


def test_a_latent_is_its_code_and_a_number_for_every_weight_of_the_small_layers(detailed: Space) -> None:
    assert (detailed.code, detailed.details, detailed.size) == (8, SMALL, 8 + SMALL)
    with pytest.raises(BadLatent, match=rf"\[B, {8 + SMALL}\], got \(2, 8\)"):
        detailed.decode(torch.zeros(2, 8))


def test_without_details_a_space_decodes_as_one_that_has_none(detailed: Space, generator: torch.Generator) -> None:
    decoder = replace(DictionaryDecoderConfig(directions=4, hidden=8), details=0)
    plain = Space(replace(detailed.config, decoder=decoder)).eval()
    plain.load_state_dict({k: v for k, v in detailed.state_dict().items() if "details" not in k})
    code = torch.randn(3, 8, generator=generator)
    assert torch.equal(detailed.decode(detailed.without_details(code)).theta, plain.decode(code).theta)


def test_details_are_added_to_their_weights_and_to_no_other(detailed: Space, generator: torch.Generator) -> None:
    code, details = torch.randn(1, 8, generator=generator), torch.randn(1, SMALL, generator=generator)
    bare = detailed.decode(detailed.without_details(code)).theta
    moved = detailed.decode(torch.cat([code, details], 1)).theta - bare
    middle = ARCH.layout.unflatten(moved)["layers.1.weight"]
    assert bool((middle == 0).all())
    assert float(moved.square().sum()) == pytest.approx(0.01 * float(details.square().sum()), rel=1e-4)


def test_the_encoder_leaves_details_zero(detailed: Space, generator: torch.Generator) -> None:
    z = detailed.encode(ARCH.initial(2, generator), ARCH)
    assert z.shape == (2, detailed.size)
    assert bool((z[:, 8:] == 0).all())


def test_a_network_alone_or_mixed_with_itself_is_itself(detailed: Space, generator: torch.Generator) -> None:
    z = torch.randn(1, detailed.size, generator=generator)
    one = detailed.blend(torch.tensor([[1.0]]), z)
    same = detailed.blend(torch.tensor([[0.3, 1.2, -0.5]]), z.expand(3, -1))
    torch.testing.assert_close(one, z)
    torch.testing.assert_close(same[:, :8], z[:, :8])
    torch.testing.assert_close(detailed.blend(torch.tensor([[0.3, 0.7]]), z.expand(2, -1)), z)


def test_codes_are_weighted_sums_and_details_that_disagree_fade(detailed: Space) -> None:
    latents = torch.zeros(2, detailed.size)
    latents[0, [0, 8]], latents[1, [1, 9]] = 2.0, 4.0
    latents[1, 9] = 2.0
    (middle,) = detailed.blend(torch.tensor([[0.5, 0.5]]), latents)
    assert middle[:2].tolist() == [1.0, 2.0]
    assert middle[8:10].tolist() == pytest.approx([0.25, 0.25]), "a quarter of their half"


def test_a_shape_between_others_is_fuller_by_as_much_as_their_details_disagree(
    detailed: Space, generator: torch.Generator
) -> None:
    latents = torch.zeros(2, detailed.size)
    latents[0, 8], latents[1, 9] = 2.0, 2.0
    points = torch.rand(50, 3, generator=generator) * 2 - 1
    for t, kept in ((0.0, 1.0), (0.5, 0.5), (1.0, 1.0)):
        (z,) = detailed.blend(torch.tensor([[1 - t, t]]), latents)
        level = z.clone()
        level[-1] = 0
        full, bare = (run(ARCH, detailed.decode(at[None]).theta, points) for at in (z, level))
        torch.testing.assert_close(bare - full, torch.full_like(full, FULLER * (1 - kept)), atol=1e-5, rtol=0)
    plain = detailed.blend(torch.tensor([[0.4, 0.6]]), detailed.without_details(latents))
    assert bool((plain[:, 8:] == 0).all()), "where nothing is known to be lost, nothing is added"


def test_slopes_are_mean_squares_over_answers(generator: torch.Generator) -> None:
    matrix = torch.diag(torch.tensor([1.0, 2.0, 3.0]))  # each answer hangs on one weight, so that signs cancel nothing
    found = slopes(lambda theta: matrix @ theta, torch.zeros(3), torch.tensor([0, 2]), generator)
    torch.testing.assert_close(found, torch.tensor([1.0, 9.0]) / 3)


def test_one_unit_of_any_layer_moves_the_answers_alike(detailed: Space, generator: torch.Generator) -> None:
    points = torch.rand(400, 3, generator=generator) * 2 - 1
    thetas = detailed.decode(detailed.without_details(torch.randn(4, 8, generator=generator))).theta
    measure_units(detailed, thetas, lambda _: lambda weights: run(ARCH, weights[None], points)[0])
    part = details_of(detailed.decoder)[0]
    try:
        for rows in (range(24), range(24, 32), range(32, 38)):
            moved = [float(_moved(part.units, row, part.places, thetas, points)) for row in rows]
            assert sum(moved) / len(moved) == pytest.approx(UNIT**2, rel=0.35)
    finally:
        part.units.fill_(0.1)


def _moved(units: Tensor, row: int, places: Tensor, thetas: Tensor, points: Tensor, part: float = 1e-2) -> Tensor:
    """Mean square change of the answers by one unit of one detail, by finite differences."""
    step = torch.zeros_like(thetas)
    step[:, places[row]] = part * units[row]
    return ((run(ARCH, thetas + step, points) - run(ARCH, thetas, points)) / part).square().mean()


def test_refining_moves_details_alone_and_brings_the_answers_closer(
    detailed: Space, generator: torch.Generator
) -> None:
    points = torch.rand(256, 3, generator=generator) * 2 - 1
    code = detailed.without_details(torch.randn(1, 8, generator=generator))[0]
    wanted = code + torch.cat([torch.zeros(8), 0.2 * torch.randn(SMALL, generator=generator)])
    values = run(ARCH, detailed.decode(wanted[None]).theta, points)[0]

    def missed(z: Tensor) -> float:
        return float(distance(run(ARCH, detailed.decode(z[None]).theta, points), values[None], "mse", 1.0))

    found = refine(detailed, code, points, values, RefineConfig(steps=30, clamp=1.0, ridge=0.0))
    assert torch.equal(found[:8], code[:8])
    assert missed(found) < 0.2 * missed(code)


class Nearer:
    """Squared distance from ones."""

    kind = "nearer"

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:  # noqa: ARG002 - nothing is drawn
        return {"distance": (z - 1).square().mean(-1)}

    def verdict(self, z: Tensor) -> str:
        return f"{z.mean():.2f}"


@pytest.mark.parametrize("details", [0.0, 0.5])
def test_a_search_moves_details_as_far_as_it_is_told(details: float) -> None:
    config = LsoConfig(steps=3, lr=0.1, prior=0.0, details=details)
    prior = Prior.flat(2)
    *_, end = optimise(Nearer(), prior, config, begin(Nearer(), prior, config, torch.zeros(1, 5)))
    assert end.state.z[2:].tolist() == pytest.approx([details * float(end.state.z[0])] * 3, rel=1e-2)
    assert float(end.state.z[0]) > 0.1


def test_a_ridge_keeps_details_small() -> None:
    prior, ends = Prior.flat(2), []
    for ridge in (0.0, 10.0):
        config = LsoConfig(steps=100, lr=0.1, prior=0.0, details=1.0, ridge=ridge)
        *_, end = optimise(Nearer(), prior, config, begin(Nearer(), prior, config, torch.zeros(1, 5)))
        ends.append(float(end.state.z[2:].abs().mean()))
    assert ends[1] < 0.3 * ends[0]


@pytest.mark.parametrize("bad", [{"details": -1.0}, {"ridge": float("nan")}])
def test_a_search_that_makes_no_sense_is_refused(bad: dict) -> None:
    with pytest.raises(BadObjective, match="details and ridge"):
        LsoConfig(**bad)


def test_units_are_kept_with_the_weights(detailed: Space, tmp_path: Path) -> None:
    save_space(detailed, tmp_path)
    assert torch.equal(details_of(load_space(tmp_path).decoder)[0].units, torch.full((SMALL,), 0.1))
