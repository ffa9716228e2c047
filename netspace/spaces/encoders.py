"""Network -> latent. Every encoder is called as `encoder(theta [B, P], arch) -> z [B, D]`."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from netspace.archs import Architecture
from netspace.archs.classifier import Classifier
from netspace.data.images import normalised
from netspace.data.points import grid_points
from netspace.data.probe_images import procedural_images
from netspace.errors import UnknownArchitecture
from netspace.functional import run
from netspace.prep import prep_height, to_prep
from netspace.spaces.config import (
    BehaviourEncoderConfig,
    ImageBehaviourEncoderConfig,
    PrepEncoderConfig,
    SpaceConfig,
)

PARAMETERS = 100_000
"""The parameter count whose logarithm is zero to the encoder."""


class PrepEncoder(nn.Module):
    """The paper's encoder: convolutions along the rows of the PRep, a maximum over each row, then over the rows.

    The PRep is as high as the largest of `archs` needs.
    """

    def __init__(self, config: PrepEncoderConfig, archs: tuple[Architecture, ...], latent: int) -> None:
        super().__init__()
        if latent % 32:
            raise UnknownArchitecture(f"the prep encoder needs a latent size divisible by 32, got {latent}")
        self.archs, self.config = archs, config
        self.height = prep_height(max(arch.layout.size for arch in archs), config.width, multiple=8)
        h = latent // 32
        self.along = nn.Sequential(
            nn.Conv2d(1, h, (1, 3), (1, 2), (0, 1)),
            nn.LeakyReLU(),
            nn.Conv2d(h, 2 * h, (1, 3), (1, 2), (0, 1)),
            nn.LeakyReLU(),
        )
        self.across = nn.Sequential(
            nn.Conv2d(2 * h, 4 * h, (3, 1), 1, (1, 0)),
            nn.LeakyReLU(),
            nn.Conv2d(4 * h, 32 * h, (3, 1), 1, (1, 0)),
            nn.LeakyReLU(),
        )

    def forward(self, theta: Tensor, arch: Architecture) -> Tensor:
        """Raises UnknownArchitecture for any but the space's own: a PRep has no meaning for another."""
        if arch not in self.archs:
            known = ", ".join(a.name for a in self.archs)
            raise UnknownArchitecture(f"the prep encoder reads {known} only, got {arch.name}")
        prep = to_prep(theta * self.config.scale, self.height, self.config.width)[:, None]
        rows = self.along(prep).amax(3, keepdim=True)
        return self.across(rows).amax(2)[..., 0]


class BehaviourEncoder(nn.Module):
    """Encodes what a network says on a grid of probes: the same for every way to write the same function."""

    probes: Tensor

    def __init__(self, config: BehaviourEncoderConfig, latent: int) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        width = 1
        for channels in config.channels:
            first = nn.Conv3d(width, channels, config.patch, config.patch)
            conv = nn.Conv3d(width, channels, 3, 2, 1) if layers else first
            layers += [conv, nn.GroupNorm(min(8, channels), channels), nn.SiLU()]
            width = channels
        side = config.grid // config.shrinkage
        self.trunk = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(width * side**3, latent)
        points = grid_points(config.grid).reshape(-1, 3)
        self.register_buffer("probes", points, persistent=False)

    def responses(self, theta: Tensor, arch: Architecture) -> Tensor:
        """theta [B, P] -> outputs at the probes [B, G, G, G]; any architecture from 3 inputs to one output."""
        g = self.config.grid
        chunks = [run(arch, theta, part) for part in self.probes.split(16384)]
        return torch.cat(chunks, dim=1).reshape(-1, g, g, g)

    def embed(self, responses: Tensor) -> Tensor:
        """responses [B, G, G, G] -> z [B, D]."""
        clamp = self.config.clamp
        return self.head(self.trunk(responses[:, None].clamp(-clamp, clamp) / clamp))

    def forward(self, theta: Tensor, arch: Architecture) -> Tensor:
        return self.embed(self.responses(theta, arch))


class ImageBehaviourEncoder(nn.Module):
    """Encodes what a classifier answers on probe images: the same for every way to write the same function."""

    def __init__(self, config: ImageBehaviourEncoderConfig, arch: Architecture, latent: int) -> None:
        super().__init__()
        assert isinstance(arch, Classifier)
        self.config, self.in_shape, self.classes = config, arch.in_shape, arch.classes
        generator = torch.Generator().manual_seed(config.seed)
        images = normalised(255 * procedural_images(config.probes, arch.image_size, generator))
        self.probes = nn.Parameter(images, requires_grad=config.learn)
        widths = (config.probes * arch.classes + 1, *config.hidden)
        hidden = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.SiLU())]
        self.trunk = nn.Sequential(*hidden, nn.Linear(widths[-1], latent))

    def responses(self, theta: Tensor, arch: Architecture) -> Tensor:
        """theta [B, P] -> logits on the probe images [B, probes, classes].

        Raises UnknownArchitecture for networks that read other images or know another number of classes.
        """
        classes = getattr(arch, "classes", None)
        if (arch.in_shape, classes) != (self.in_shape, self.classes):
            raise UnknownArchitecture(
                f"expected a classifier of images {self.in_shape} into {self.classes} classes, got {arch.name} "
                f"({arch.task}, inputs {arch.in_shape}, classes {classes})"
            )
        return run(arch, theta, self.probes)

    def embed(self, responses: Tensor, parameters: Tensor) -> Tensor:
        """responses [B, probes, classes] and parameter counts [B] -> z [B, D]."""
        centred = (responses - responses.mean(-1, keepdim=True)) / self.config.scale
        size = (parameters.to(centred) / PARAMETERS).log()[:, None]
        return self.trunk(torch.cat([centred.flatten(1), size], dim=1))

    def forward(self, theta: Tensor, arch: Architecture) -> Tensor:
        parameters = torch.full((len(theta),), float(arch.layout.size), device=theta.device)
        return self.embed(self.responses(theta, arch), parameters)


Encoder = PrepEncoder | BehaviourEncoder | ImageBehaviourEncoder


def build_encoder(config: SpaceConfig) -> Encoder:
    if isinstance(config.encoder, PrepEncoderConfig):
        return PrepEncoder(config.encoder, config.architectures, config.latent)
    if isinstance(config.encoder, ImageBehaviourEncoderConfig):
        return ImageBehaviourEncoder(config.encoder, config.architectures[0], config.latent)
    return BehaviourEncoder(config.encoder, config.latent)
