import pytest
import torch

from netspace.archs import Siren
from netspace.errors import BadSpace
from netspace.prep import to_prep
from netspace.spaces.config import DictionaryDecoderConfig, PrepDecoderConfig
from netspace.spaces.decoders import DictionaryDecoder, Directions, PrepDecoder

ARCH = Siren(hidden=(16, 16))


def dictionary(rank: int = 0) -> DictionaryDecoder:
    torch.manual_seed(0)
    return DictionaryDecoder(DictionaryDecoderConfig(directions=5, hidden=12, rank=rank), ARCH, 8).requires_grad_(False)


def published(latent: int = 64, bias: str = "paper") -> PrepDecoder:
    torch.manual_seed(0)
    return PrepDecoder(PrepDecoderConfig(width=80, bias=bias), ARCH, latent).requires_grad_(False)


@pytest.mark.parametrize("decoder", [dictionary(), dictionary(rank=2)], ids=["full", "low rank"])
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
def test_any_latent_gives_a_finite_network_of_the_right_size(decoder: DictionaryDecoder, size: float) -> None:
    theta = decoder(size * torch.randn(3, 8, generator=torch.Generator().manual_seed(1)))
    assert theta.shape == (3, ARCH.layout.size)
    assert torch.isfinite(theta).all()


def test_the_published_decoder_gives_finite_networks_of_the_right_size() -> None:
    theta = published()(torch.randn(2, 64, generator=torch.Generator().manual_seed(1)))
    assert theta.shape == (2, ARCH.layout.size)
    assert torch.isfinite(theta).all()


@pytest.mark.parametrize("decoder", [dictionary(), dictionary(rank=2)], ids=["full", "low rank"])
def test_batched_equals_one_by_one(decoder: DictionaryDecoder) -> None:
    z = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    each = torch.cat([decoder(z[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(decoder(z), each, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_directions_of_one_and_of_many_agree_with_the_sum_of_matrices(rank: int) -> None:
    directions = Directions(count=4, out=6, inner=5, rank=rank, scale=0.5).requires_grad_(False)
    weights = torch.randn(3, 4)
    expected = torch.einsum("bk,kp->bp", weights, directions.matrix())
    torch.testing.assert_close(directions(weights), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(directions(weights[:1]), expected[:1], atol=1e-5, rtol=1e-4)


def test_low_rank_directions_have_that_rank() -> None:
    directions = Directions(count=2, out=6, inner=5, rank=2, scale=0.5).requires_grad_(False)
    ranks = torch.linalg.matrix_rank(directions.matrix().reshape(2, 6, 5), rtol=1e-4)
    assert ranks.tolist() == [2, 2]


def test_gradients_of_one_and_of_many_agree() -> None:
    directions = Directions(count=4, out=6, inner=5, rank=2, scale=0.5)
    weights = torch.randn(1, 4)
    (one,) = torch.autograd.grad(directions(weights).square().sum(), directions.left)
    (many,) = torch.autograd.grad(directions(weights.repeat(2, 1)).square().sum() / 2, directions.left)
    torch.testing.assert_close(one, many, atol=1e-5, rtol=1e-4)


def test_large_layers_come_from_the_dictionary_and_small_ones_in_full() -> None:
    decoder = dictionary()
    assert set(decoder.large) == {"layers_1_weight"}
    assert set(decoder.small) == {
        "layers_0_weight",
        "layers_0_bias",
        "layers_1_bias",
        "layers_2_weight",
        "layers_2_bias",
    }


def test_an_untrained_dictionary_decodes_near_its_base_network() -> None:
    decoder = dictionary()
    difference = (decoder(torch.zeros(1, 8)) - decoder.base).abs().max()
    assert difference < decoder.base.abs().max()


@pytest.mark.parametrize(
    ("hidden", "height", "parameters"), [((256, 256), 8, 2_875_394), ((300, 300), 16, 3_055_874)], ids=["H=8", "H=16"]
)
def test_the_published_decoder_has_as_many_parameters_as_the_paper_says(
    hidden: tuple[int, ...], height: int, parameters: int
) -> None:
    """2.88 M and 3.06 M: 256 H maps, W/8, 256, 32, and a scale and a bias for every element."""
    with torch.device("meta"):
        decoder = PrepDecoder(PrepDecoderConfig(), Siren(hidden=hidden), 4096)
    assert decoder.height == height
    assert decoder.conv1.out_channels == 256 * height
    assert sum(p.numel() for p in decoder.parameters()) == parameters


def test_without_features_the_published_decoder_gives_its_bias() -> None:
    decoder = published(bias="siren")
    decoder.scale.zero_()
    theta = decoder(torch.randn(1, 64))[0]
    start = ARCH.initial(1, torch.Generator().manual_seed(0))[0]
    assert torch.equal(theta, start)
    assert torch.equal(decoder.bias, to_prep(start, decoder.height, 80))


def test_the_papers_bias_and_scale_are_drawn_as_published() -> None:
    decoder = published()
    assert decoder.bias.min() >= 0
    assert decoder.bias.max() <= 0.01
    assert float(decoder.scale.std()) == pytest.approx(1e-3, rel=0.2)


def test_a_latent_that_is_no_image_is_refused() -> None:
    with pytest.raises(BadSpace, match="divisible by 64 = 8 x 8, got 100"):
        published(latent=100)
