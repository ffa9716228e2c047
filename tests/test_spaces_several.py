"""Spaces of several architectures and of classifiers: laws of the encoder, the decoders and the head."""

import json
from dataclasses import replace

import pytest
import torch
from classifiers import ARCHS, LENET, RESNET, VANILLA, classifier_space
from safetensors.torch import load_file
from torch import Tensor

from netspace.archs import Siren
from netspace.archs.lenet import LeNetLike
from netspace.archs.resnet import ResNet
from netspace.errors import BadSpace, UnknownArchitecture
from netspace.functional import run
from netspace.spaces import Space, SpaceConfig, load_space, save_space
from netspace.spaces.config import PrepDecoderConfig, PrepEncoderConfig
from netspace.spaces.decoders import SharedPrepDecoder
from netspace.spaces.encoders import PrepEncoder


@pytest.fixture
def z(generator: torch.Generator) -> Tensor:
    return torch.randn(4, 6, generator=generator)


def test_each_latent_is_decoded_as_the_architecture_asked_for(z: Tensor) -> None:
    space, ids = classifier_space(), torch.tensor([2, 0, 1, 0])
    decoded = space.decode(z, ids)
    assert decoded.theta.shape == (4, RESNET.layout.size)
    for i, (arch, theta) in enumerate(space.networks(decoded)):
        assert arch == ARCHS[ids[i]]
        assert torch.equal(decoded.theta[i, arch.layout.size :], torch.zeros(RESNET.layout.size - arch.layout.size))
        ((same, alone),) = space.networks(space.decode(z[i : i + 1], arch))
        assert same == arch
        torch.testing.assert_close(theta, alone, atol=1e-6, rtol=1e-5)


def test_without_an_architecture_the_likeliest_is_decoded(z: Tensor) -> None:
    decoded = classifier_space().decode(z)
    assert decoded.arch_logits is not None
    assert torch.equal(decoded.arch_ids, decoded.arch_logits.argmax(1))


def test_another_architecture_is_refused(z: Tensor) -> None:
    with pytest.raises(UnknownArchitecture, match="expected one of LeNetLike, VanillaCNN, ResNet8, got ResNet14"):
        classifier_space().decode(z, ResNet(depth=14))


def test_the_encoder_reads_any_classifier_of_these_images_and_no_other(generator: torch.Generator) -> None:
    space = classifier_space()
    arch = ResNet(depth=14)
    assert space.encode(arch.initial(2, generator), arch).shape == (2, 6)
    for other in (LeNetLike(image_size=64), LeNetLike(classes=7), Siren(hidden=(4,))):
        with pytest.raises(UnknownArchitecture, match=r"images \(3, 32, 32\) into 10 classes"):
            space.encode(other.initial(1, generator), other)


def test_the_encoder_does_not_see_how_a_function_is_written(generator: torch.Generator) -> None:
    space, theta = classifier_space(), 3 * LENET.initial(2, generator)
    state = {name: value.clone() for name, value in LENET.layout.unflatten(theta).items()}
    order = torch.randperm(84, generator=generator)
    state["fc2.weight"], state["fc2.bias"] = state["fc2.weight"][:, order], state["fc2.bias"][:, order]
    state["fc3.weight"] = state["fc3.weight"][:, :, order]
    again = LENET.layout.flatten(state)
    assert not torch.equal(again, theta)
    z = space.encode(theta, LENET)
    torch.testing.assert_close(space.encode(again, LENET), z, atol=1e-4, rtol=1e-4)
    assert (z[0] - z[1]).abs().max() > 1e-4, "different functions have different latents"


def test_what_is_added_to_all_logits_of_an_image_is_not_seen(generator: torch.Generator) -> None:
    encoder = classifier_space().encoder
    responses, sizes = torch.randn(2, 5, 10, generator=generator), torch.tensor([62_006, 62_006])
    shifted = responses + torch.randn(2, 5, 1, generator=generator)
    torch.testing.assert_close(encoder.embed(shifted, sizes), encoder.embed(responses, sizes), atol=1e-5, rtol=1e-4)


def test_the_same_answers_of_a_larger_network_have_another_latent(generator: torch.Generator) -> None:
    encoder, responses = classifier_space().encoder, torch.randn(1, 5, 10, generator=generator)
    small, large = (encoder.embed(responses, torch.tensor([size])) for size in (62_006, 465_674))
    assert (small - large).abs().max() > 1e-3


def test_a_saved_space_is_the_same_with_probes_and_head(tmp_path, z: Tensor) -> None:  # type: ignore[no-untyped-def]
    space = classifier_space()
    save_space(space, tmp_path)
    loaded = load_space(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(loaded.decode(z).theta, space.decode(z).theta)
        torch.testing.assert_close(loaded.estimate_accuracy(z), space.estimate_accuracy(z))
        theta = LENET.initial(1, torch.Generator().manual_seed(0))
        torch.testing.assert_close(loaded.encode(theta, LENET), space.encode(theta, LENET))
    assert SpaceConfig.from_json(json.loads(json.dumps(space.config.to_json()))) == space.config


def test_the_paper_decoder_gives_every_architecture_the_front_of_one_prep(generator: torch.Generator) -> None:
    space = classifier_space(decoder=PrepDecoderConfig(width=800))
    assert isinstance(space.decoder, SharedPrepDecoder)
    z = torch.randn(1, 64, generator=generator)
    whole = space.decode(z, RESNET).theta[0]
    for arch in (LENET, VANILLA):
        theta = space.decode(z, arch).theta[0]
        assert torch.equal(theta[: arch.layout.size], whole[: arch.layout.size])
        assert not theta[arch.layout.size :].any()


def test_the_papers_sizes_for_four_architectures() -> None:
    """An encoder of 6.79 M parameters whatever the height; the head is its convolution and one linear layer."""
    archs = (LENET, VANILLA, RESNET, ResNet(depth=32))
    with torch.device("meta"):
        encoder = PrepEncoder(PrepEncoderConfig(), archs, 4096)
        decoder = SharedPrepDecoder(PrepDecoderConfig(), archs, 4096)
    assert encoder.height == decoder.prep.height == 48
    assert sum(p.numel() for p in encoder.parameters()) == 6_788_352
    config = SpaceConfig(
        name="p", title="P", latent=4096, architectures=archs, encoder=PrepEncoderConfig(), decoder=PrepDecoderConfig()
    )
    with torch.device("meta"):
        head = Space(config).head
    assert head is not None
    assert sum(p.numel() for p in head.parameters()) == 100 + 10 * 32 * 32 * 4 + 4


def test_the_prep_encoder_reads_all_of_its_architectures(generator: torch.Generator) -> None:
    encoder = PrepEncoder(PrepEncoderConfig(width=800), ARCHS, 32)
    for arch in ARCHS:
        assert encoder(arch.initial(1, generator), arch).shape == (1, 32)
    with pytest.raises(UnknownArchitecture, match="reads LeNetLike, VanillaCNN, ResNet8 only"):
        encoder(Siren(hidden=(4,)).initial(1, generator), Siren(hidden=(4,)))


def test_base_weights_can_be_a_trained_networks(generator: torch.Generator) -> None:
    space = classifier_space()
    theta = VANILLA.initial(1, generator)[0]
    before = space.decode(torch.zeros(1, 6), VANILLA).theta[0, : VANILLA.layout.size]
    old = space.decoder.each[1].base.detach().clone()
    space.decoder.start_from(1, theta)
    after = space.decode(torch.zeros(1, 6), VANILLA).theta[0, : VANILLA.layout.size]
    torch.testing.assert_close(after - before, theta - old, atol=1e-5, rtol=1e-4)


def test_architectures_of_one_space_do_the_same_thing() -> None:
    config = classifier_space().config
    with pytest.raises(BadSpace, match="one task, input and number of classes"):
        replace(config, architectures=(LENET, LeNetLike(image_size=64)))


def test_responses_are_the_networks_logits_on_the_probes(generator: torch.Generator) -> None:
    space, theta = classifier_space(), VANILLA.initial(2, generator)
    found = space.encoder.responses(theta, VANILLA)
    torch.testing.assert_close(found, run(VANILLA, theta, space.encoder.probes))
    assert found.shape == (2, 5, 10)


def test_a_compact_space_is_nearly_the_same_with_probes_in_8_bits(tmp_path, z: Tensor) -> None:  # type: ignore[no-untyped-def]
    space = classifier_space()
    save_space(space, tmp_path, small=True)
    loaded = load_space(tmp_path)
    assert load_file(tmp_path / "model.safetensors")["encoder.probes"].dtype == torch.int8
    torch.testing.assert_close(loaded.encoder.probes, space.encoder.probes.detach(), atol=0.02, rtol=0)
    with torch.no_grad():
        torch.testing.assert_close(loaded.decode(z).theta, space.decode(z).theta, atol=2e-3, rtol=1e-2)
