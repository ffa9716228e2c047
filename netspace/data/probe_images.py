"""Images of nobody's making, to ask classifiers about: noise, stripes and blobs as common as in photographs."""

import math

import torch
from torch import Tensor

SMOOTHNESS = (0.8, 1.6)
"""Exponents of the amplitude's fall with frequency: photographs have about one."""
CONTRAST = (0.1, 0.3)
"""Standard deviations of an image's brightness."""


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """[count, 1, 1, 1]."""
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)


def _coordinates(side: int) -> tuple[Tensor, Tensor]:
    """y and x [S, S] in [-1, 1]."""
    axis = torch.linspace(-1, 1, side)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return y, x


def smooth_noise(count: int, side: int, channels: int, generator: torch.Generator) -> Tensor:
    """[n, channels, S, S] of zero mean and unit deviation whose amplitudes fall with frequency as in photographs."""
    white = torch.fft.rfft2(torch.randn(count, channels, side, side, generator=generator))
    frequency = (torch.fft.fftfreq(side)[:, None].square() + torch.fft.rfftfreq(side).square()).sqrt()
    fall = frequency.clamp_min(1 / side) ** -_uniform(count, *SMOOTHNESS, generator)
    noise = torch.fft.irfft2(white * fall, s=(side, side))
    noise = noise - noise.mean((2, 3), keepdim=True)
    return noise / noise.std((2, 3), keepdim=True)


def stripes(count: int, side: int, generator: torch.Generator) -> Tensor:
    """[n, 1, S, S]: sinusoidal gratings of random direction, width and phase."""
    y, x = _coordinates(side)
    angle, phase = (_uniform(count, 0, 2 * math.pi, generator) for _ in range(2))
    return 1.4 * torch.sin(_uniform(count, 3, 20, generator) * (x * angle.cos() + y * angle.sin()) + phase)


def blobs(count: int, side: int, generator: torch.Generator) -> Tensor:
    """[n, 1, S, S]: an ellipse with soft edges before a plain ground."""
    y, x = _coordinates(side)
    at_x, at_y = (_uniform(count, -0.4, 0.4, generator) for _ in range(2))
    wide, high = (_uniform(count, 0.25, 0.8, generator) for _ in range(2))
    radius = (((x - at_x) / wide).square() + ((y - at_y) / high).square()).sqrt()
    return 2 * torch.sigmoid(8 * (1 - radius)) - 1


def procedural_images(count: int, side: int, generator: torch.Generator) -> Tensor:
    """[n, 3, S, S] in [0, 1]; every image mixes coloured noise with stripes, with a blob, with both or with neither."""
    grey, colour = smooth_noise(count, side, 1, generator), smooth_noise(count, side, 3, generator)
    tint = torch.randn(count, 3, 1, 1, generator=generator)
    shapes = [
        (torch.rand(count, 1, 1, 1, generator=generator) < 0.5) * _uniform(count, 0.5, 1.5, generator) * pattern
        for pattern in (stripes(count, side, generator), blobs(count, side, generator))
    ]
    contrast = _uniform(count, *CONTRAST, generator)
    pattern = grey + 0.4 * colour + sum(shape * (0.7 + 0.3 * tint) for shape in shapes) + 0.3 * tint
    return (_uniform(count, 0.3, 0.65, generator) + contrast * pattern).clamp(0, 1)
