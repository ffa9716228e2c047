import torch

from netspace.data.probe_images import procedural_images, smooth_noise


def test_probe_images_are_colours_that_differ_and_the_seed_decides_them() -> None:
    a, b, c = (procedural_images(6, 32, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert a.shape == (6, 3, 32, 32)
    assert 0 <= a.min() < a.max() <= 1
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert (a.flatten(1).std(1) > 0.02).all(), "none is plain"


def test_neighbouring_pixels_are_alike_as_in_photographs(generator: torch.Generator) -> None:
    images = procedural_images(64, 32, generator)
    centred = images - images.mean((2, 3), keepdim=True)
    near = (centred[..., 1:] * centred[..., :-1]).mean() / centred.square().mean()
    far = (centred[..., 16:] * centred[..., :-16]).mean() / centred.square().mean()
    assert near > 0.7
    assert far < near - 0.3


def test_noise_has_more_of_low_frequencies(generator: torch.Generator) -> None:
    power = torch.fft.rfft2(smooth_noise(32, 32, 1, generator)).abs().square().mean((0, 1))
    assert power[0, 1:4].mean() > 10 * power[0, 12:15].mean()
