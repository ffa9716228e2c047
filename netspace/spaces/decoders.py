"""Latent -> network. Both decoders are called as `decoder(z [B, D]) -> theta [B, P]`."""

import math

import torch
from torch import Tensor, nn

from netspace.archs import Architecture
from netspace.errors import BadSpace
from netspace.prep import from_prep, prep_height, to_prep
from netspace.spaces.config import DictionaryDecoderConfig, PrepDecoderConfig, SpaceConfig


def _side(latent: int) -> int:
    """The side of the square image that the paper's decoder sees: 64 where it fits, smaller for small latents."""
    for side in (64, 32, 16, 8):
        if latent % side**2 == 0:
            return side
    raise BadSpace(f"the prep decoder needs a latent size divisible by 64 = 8 x 8, got {latent}")


class PrepDecoder(nn.Module):
    """The paper's decoder: the embedding as an image, three strided convolutions, reshaped into a PRep [H, W]."""

    def __init__(self, config: PrepDecoderConfig, arch: Architecture, latent: int) -> None:
        super().__init__()
        self.size, self.width = arch.layout.size, config.width
        self.height = h = prep_height(self.size, config.width, multiple=8)
        self.side = _side(latent)
        first = 128 * h * 2048 // (self.side // 2) ** 2
        self.conv1 = nn.Conv2d(latent // self.side**2, first, 3, 2, 1)
        self.conv2 = nn.Conv2d(128, config.width // 8, 3, 2, 1)
        self.conv3 = nn.Conv2d(512, 256, 3, 2, 1)
        self.conv4 = nn.Conv2d(256, 32, 3, 1, 1)
        self.scale = nn.Parameter(torch.randn(h, config.width) * 1e-3)
        self.bias = nn.Parameter(torch.rand(h, config.width) * 1e-2)
        if config.bias == "siren":
            start = arch.initial(1, torch.Generator().manual_seed(0))[0]
            self.bias.data = to_prep(start, h, config.width)
        self.act = nn.LeakyReLU()

    def forward(self, z: Tensor) -> Tensor:
        b, h, w = len(z), self.height, self.width
        x = self.act(self.conv1(z.reshape(b, -1, self.side, self.side))).reshape(b, 128, h, 2048)
        x = self.act(self.conv2(x)).reshape(b, 512, h // 2, w // 4)
        x = self.act(self.conv3(x))
        prep = self.conv4(x).reshape(b, h, w) * self.scale + self.bias
        return from_prep(prep, self.size)


GAIN = 0.03
"""What the decoder's sums are multiplied by to become weights. SIREN weights are small (0.003 in the middle layer) and
the hidden units that move each of them many: without it one step of Adam would move a weight by more than its size."""


class Directions(nn.Module):
    """K learnt changes of a weight matrix [out, in]; `rank` > 0 writes each as a product of r columns and rows."""

    def __init__(self, count: int, out: int, inner: int, rank: int, scale: float) -> None:
        super().__init__()
        self.shape = (count, out * inner)
        self.full = self.left = self.right = None
        if rank == 0:
            self.full = nn.Parameter(scale * torch.randn(count, out * inner))
        else:
            self.left = nn.Parameter(torch.randn(count, out, rank) * math.sqrt(scale / math.sqrt(rank)))
            self.right = nn.Parameter(torch.randn(count, rank, inner) * math.sqrt(scale / math.sqrt(rank)))

    def matrix(self) -> Tensor:
        """[K, out * in]."""
        if self.full is not None:
            return self.full
        assert self.left is not None
        assert self.right is not None
        return torch.bmm(self.left, self.right).reshape(self.shape)

    def forward(self, weights: Tensor) -> Tensor:
        """weights [B, K] -> weighted sums [B, out * in]."""
        if len(weights) == 1 and self.left is not None and self.right is not None:
            k, out, rank = self.left.shape
            columns = (self.left * weights[0, :, None, None]).transpose(0, 1).reshape(out, k * rank)
            return (columns @ self.right.reshape(k * rank, -1)).reshape(1, -1)
        return weights @ self.matrix()


class DictionaryDecoder(nn.Module):
    """theta = learnt base weights + changes to them: small layers in full, large ones from a dictionary."""

    def __init__(self, config: DictionaryDecoderConfig, arch: Architecture, latent: int) -> None:
        super().__init__()
        self.layout = arch.layout
        k, hidden = config.directions, config.hidden
        self.trunk = nn.Sequential(
            nn.Linear(latent, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
        )
        self.mixing = nn.Linear(hidden, k)
        generator = torch.Generator().manual_seed(0)
        self.base = nn.Parameter(arch.initial(1, generator)[0] / GAIN)
        self.large = nn.ModuleDict()
        self.small = nn.ModuleDict()
        start = self.layout.unflatten(self.base.data * GAIN)
        for name, shape in zip(self.layout.names, self.layout.shapes, strict=True):
            typical = float(start[name].square().mean().sqrt())
            key = name.replace(".", "_")
            if math.prod(shape) > 4 * hidden and len(shape) == 2:
                self.large[key] = Directions(k, shape[0], shape[1], config.rank, 0.5 * typical / math.sqrt(k) / GAIN)
            else:
                head = nn.Linear(hidden, math.prod(shape))
                nn.init.normal_(head.weight, std=0.3 * typical / math.sqrt(hidden) / GAIN)
                nn.init.zeros_(head.bias)
                self.small[key] = head

    def forward(self, z: Tensor) -> Tensor:
        h = self.trunk(z)
        mix = self.mixing(h)
        parts = []
        for name in self.layout.names:
            key = name.replace(".", "_")
            parts.append(self.large[key](mix) if key in self.large else self.small[key](h))
        return GAIN * (self.base + torch.cat(parts, dim=-1))


def build_decoder(config: SpaceConfig) -> PrepDecoder | DictionaryDecoder:
    arch = config.architectures[0]
    if isinstance(config.decoder, PrepDecoderConfig):
        return PrepDecoder(config.decoder, arch, config.latent)
    return DictionaryDecoder(config.decoder, arch, config.latent)
