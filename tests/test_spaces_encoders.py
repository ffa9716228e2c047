import pytest
import torch
from torch import Tensor, nn

from netspace.archs import Siren
from netspace.errors import UnknownArchitecture
from netspace.functional import run
from netspace.spaces.config import BehaviourEncoderConfig, PrepEncoderConfig
from netspace.spaces.encoders import BehaviourEncoder, PrepEncoder
from netspace.zoo import Zoo

ARCH = Siren(hidden=(16, 16))


def behaviour_encoder(latent: int = 8) -> BehaviourEncoder:
    torch.manual_seed(0)
    return BehaviourEncoder(BehaviourEncoderConfig(grid=16, patch=2, channels=(4, 8)), latent).requires_grad_(False)


def prep_encoder(latent: int = 32) -> PrepEncoder:
    torch.manual_seed(0)
    return PrepEncoder(PrepEncoderConfig(width=40, scale=10.0), (ARCH,), latent).requires_grad_(False)


def permuted(theta: Tensor, seed: int = 0) -> Tensor:
    """The same functions with the hidden neurons in another order."""
    generator = torch.Generator().manual_seed(seed)
    state = {name: value.clone() for name, value in ARCH.layout.unflatten(theta).items()}
    for i, width in enumerate(ARCH.hidden):
        order = torch.randperm(width, generator=generator)
        state[f"layers.{i}.weight"] = state[f"layers.{i}.weight"][:, order]
        state[f"layers.{i}.bias"] = state[f"layers.{i}.bias"][:, order]
        state[f"layers.{i + 1}.weight"] = state[f"layers.{i + 1}.weight"][:, :, order]
    return ARCH.layout.flatten(state)


def sign_flipped(theta: Tensor, seed: int = 0) -> Tensor:
    """The same functions with some neurons' sines negated, and what reads them too: sin(-x) = -sin(x)."""
    generator = torch.Generator().manual_seed(seed)
    state = {name: value.clone() for name, value in ARCH.layout.unflatten(theta).items()}
    for i, width in enumerate(ARCH.hidden):
        sign = torch.where(torch.rand(width, generator=generator) < 0.5, -1.0, 1.0)
        state[f"layers.{i}.weight"] *= sign[:, None]
        state[f"layers.{i}.bias"] *= sign
        state[f"layers.{i + 1}.weight"] *= sign
    return ARCH.layout.flatten(state)


REWRITINGS = pytest.mark.parametrize("rewrite", [permuted, sign_flipped])


@REWRITINGS
def test_the_rewritings_keep_the_function_and_change_the_weights(rewrite, zoo: Zoo) -> None:  # type: ignore[no-untyped-def]
    theta, points = zoo.theta([0, 1]), torch.rand(50, 3)
    torch.testing.assert_close(run(ARCH, rewrite(theta), points), run(ARCH, theta, points), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(rewrite(theta), theta)


@REWRITINGS
def test_the_behaviour_encoder_does_not_see_how_a_function_is_written(rewrite, zoo: Zoo) -> None:  # type: ignore[no-untyped-def]
    encoder, theta = behaviour_encoder(), zoo.theta([0, 1])
    z = encoder(theta, ARCH)
    torch.testing.assert_close(encoder(rewrite(theta), ARCH), z, atol=1e-3, rtol=1e-3)
    assert (z[0] - z[1]).abs().max() > 1e-2, "different functions have different latents"


@REWRITINGS
def test_the_prep_encoder_sees_the_order_and_signs_of_the_weights(rewrite, zoo: Zoo) -> None:  # type: ignore[no-untyped-def]
    encoder, theta = prep_encoder(), zoo.theta([0, 1])
    z = encoder(theta, ARCH)
    assert (encoder(rewrite(theta), ARCH) - z).abs().max() > 1e-3


@pytest.mark.parametrize("make", [behaviour_encoder, prep_encoder])
def test_batched_equals_one_by_one(make, generator: torch.Generator) -> None:  # type: ignore[no-untyped-def]
    encoder, theta = make(), ARCH.initial(3, generator)
    each = torch.cat([encoder(theta[i : i + 1], ARCH) for i in range(3)])
    torch.testing.assert_close(encoder(theta, ARCH), each, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("hidden", [(5,), (16, 16), (12, 7, 9)])
def test_the_behaviour_encoder_reads_networks_of_any_width_and_depth(
    hidden: tuple[int, ...], generator: torch.Generator
) -> None:
    arch = Siren(hidden=hidden)
    z = behaviour_encoder(latent=6)(arch.initial(2, generator), arch)
    assert z.shape == (2, 6)
    assert torch.isfinite(z).all()


def test_responses_are_the_networks_answers_on_the_grid(generator: torch.Generator) -> None:
    encoder, theta = behaviour_encoder(), ARCH.initial(2, generator)
    responses = encoder.responses(theta, ARCH)
    corner = torch.tensor([[-1.0, 1.0, -1.0]])
    torch.testing.assert_close(responses[:, 0, -1, 0], run(ARCH, theta, corner)[:, 0])
    assert responses.shape == (2, 16, 16, 16)


def test_answers_beyond_the_clamp_are_not_told_apart() -> None:
    encoder = behaviour_encoder()
    responses = 2 * torch.rand(1, 16, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    torch.testing.assert_close(encoder.embed(responses), encoder.embed(responses.clamp(-0.15, 0.15)))


def test_the_published_encoder_has_6_79_million_parameters() -> None:
    with torch.device("meta"):
        encoder = PrepEncoder(PrepEncoderConfig(), (Siren(),), 4096)
    assert sum(p.numel() for p in encoder.parameters()) == 512 + 98_560 + 393_728 + 6_295_552 == 6_788_352
    assert encoder.height == 8


def test_the_published_encoder_is_its_four_convolutions_and_two_maxima() -> None:
    encoder = prep_encoder(latent=64)
    theta = ARCH.initial(1, torch.Generator().manual_seed(0))
    act = nn.functional.leaky_relu
    prep = nn.functional.pad(10 * theta, (0, 16 * 40 - theta.shape[1])).reshape(1, 1, -1, 40)
    convolutions = [m for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    assert [tuple(c.weight.shape) for c in convolutions] == [(2, 1, 1, 3), (4, 2, 1, 3), (8, 4, 3, 1), (64, 8, 3, 1)]
    h = act(convolutions[1](act(convolutions[0](prep)))).max(dim=3, keepdim=True).values
    z = act(convolutions[3](act(convolutions[2](h)))).max(dim=2).values.flatten(1)
    torch.testing.assert_close(encoder(theta, ARCH), z)


def test_the_prep_encoder_refuses_other_architectures_and_odd_latents(generator: torch.Generator) -> None:
    other = Siren(hidden=(16,))
    with pytest.raises(UnknownArchitecture, match=r"reads siren-16-16 only, got siren-16$"):
        prep_encoder()(other.initial(1, generator), other)
    with pytest.raises(UnknownArchitecture, match="divisible by 32, got 40"):
        prep_encoder(latent=40)
