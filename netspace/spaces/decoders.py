"""Latent -> network.

`PrepDecoder` and `DictionaryDecoder` are called as `decoder(z [B, D]) -> theta [B, P]`, for one architecture; those for
several as `decoder(z [B, D], arch_ids [B]) -> theta [B, Pmax]`, zero beyond each architecture's own parameters. The
last numbers of a latent may be details, which `Details` adds to the weights; the others are its code.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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


class Details(nn.Module):
    """What a latent's last numbers add to weights of a network's small layers, each in its own `units` [n].

    The units are measured when a space has been trained (`netspace/details.py`); until then they are zero.
    """

    places: Tensor
    units: Tensor

    def __init__(self, places: Tensor) -> None:
        super().__init__()
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("units", torch.zeros(len(places)))

    def forward(self, theta: Tensor, details: Tensor) -> Tensor:
        """theta [B, P], details [B, >= n] -> [B, P]; numbers beyond the n-th are another architecture's."""
        return theta.index_add(1, self.places, details[:, : len(self.places)] * self.units)


class DictionaryDecoder(nn.Module):
    """theta = learnt base weights + changes to them: small layers in full, large ones from a dictionary.

    The sum is multiplied by a gain to become weights. SIREN weights are small (0.003 in the middle layer) and the
    hidden units that move each of them many: without it one step of Adam would move a weight by more than its size.
    """

    def __init__(self, config: DictionaryDecoderConfig, arch: Architecture, latent: int) -> None:
        super().__init__()
        self.layout, self.gain, self.code = arch.layout, config.gain, latent
        k, hidden, gain = config.directions, config.hidden, config.gain
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
        self.base = nn.Parameter(arch.initial(1, generator)[0] / gain)
        self.large = nn.ModuleDict()
        self.small = nn.ModuleDict()
        start = self.layout.unflatten(self.base.data * gain)
        added, places = [], torch.arange(self.layout.size).split([math.prod(shape) for shape in self.layout.shapes])
        for name, shape, place in zip(self.layout.names, self.layout.shapes, places, strict=True):
            typical = float(start[name].square().mean().sqrt())
            key = name.replace(".", "_")
            if math.prod(shape) > 4 * hidden and len(shape) > 1:
                inner = math.prod(shape[1:])
                self.large[key] = Directions(k, shape[0], inner, config.rank, 0.5 * typical / math.sqrt(k) / gain)
            else:
                head = nn.Linear(hidden, math.prod(shape))
                nn.init.normal_(head.weight, std=0.3 * typical / math.sqrt(hidden) / gain)
                nn.init.zeros_(head.bias)
                self.small[key] = head
            if len(place) <= config.details:
                added.append(place)
        self.details = Details(torch.cat(added)) if added else None

    @torch.no_grad()
    def start_from(self, theta: Tensor) -> None:
        """Takes theta [P] as the base weights."""
        self.base.copy_(theta / self.gain)

    def forward(self, z: Tensor) -> Tensor:
        h = self.trunk(z[:, : self.code])
        mix = self.mixing(h)
        parts = []
        for name in self.layout.names:
            key = name.replace(".", "_")
            parts.append(self.large[key](mix) if key in self.large else self.small[key](h))
        theta = self.gain * (self.base + torch.cat(parts, dim=-1))
        return theta if self.details is None else self.details(theta, z[:, self.code :])


class Decoders(nn.Module):
    """A dictionary for every architecture."""

    def __init__(self, config: DictionaryDecoderConfig, archs: tuple[Architecture, ...], latent: int) -> None:
        super().__init__()
        self.size = max(arch.layout.size for arch in archs)
        self.each = nn.ModuleList(DictionaryDecoder(config, arch, latent) for arch in archs)

    def start_from(self, arch_id: int, theta: Tensor) -> None:
        decoder = self.each[arch_id]
        assert isinstance(decoder, DictionaryDecoder)
        decoder.start_from(theta)

    def forward(self, z: Tensor, arch_ids: Tensor) -> Tensor:
        theta = z.new_zeros(len(z), self.size)
        for arch_id, decoder in enumerate(self.each):
            rows = (arch_ids == arch_id).nonzero()[:, 0]
            if len(rows):
                decoded = decoder(z[rows])
                theta = theta.index_copy(0, rows, F.pad(decoded, (0, self.size - decoded.shape[1])))
        return theta


class SharedPrepDecoder(nn.Module):
    """The paper's use of one PRep for every architecture: each reads as many parameters as it has, from the front."""

    sizes: Tensor

    def __init__(self, config: PrepDecoderConfig, archs: tuple[Architecture, ...], latent: int) -> None:
        super().__init__()
        self.prep = PrepDecoder(config, archs[-1], latent)
        sizes = torch.tensor([arch.layout.size for arch in archs])
        self.register_buffer("sizes", sizes, persistent=False)

    def forward(self, z: Tensor, arch_ids: Tensor) -> Tensor:
        theta = self.prep(z)
        inside = torch.arange(theta.shape[1], device=z.device) < self.sizes[arch_ids, None]
        return torch.where(inside, theta, 0.0)


class ArchitectureHead(nn.Module):
    """Latent -> ClassId logits [B, A]: the paper's convolution over the latent as an image, or a small MLP."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        count, act = len(config.architectures), nn.LeakyReLU()
        if isinstance(config.decoder, PrepDecoderConfig):
            side = _side(config.latent)
            image = nn.Unflatten(1, (config.latent // side**2, side, side))
            conv = nn.Conv2d(config.latent // side**2, 10, 3, 2, 1)
            self.layers = nn.Sequential(image, conv, act, nn.Flatten(), nn.Linear(10 * (side // 2) ** 2, count))
        else:
            self.layers = nn.Sequential(nn.Linear(config.latent, 64), act, nn.Linear(64, count))

    def forward(self, z: Tensor) -> Tensor:
        return self.layers(z)


def details_of(decoder: nn.Module) -> list[Details]:
    """For each architecture that has some, in the order of ClassIds."""
    return [part for part in decoder.modules() if isinstance(part, Details)]


Decoder = PrepDecoder | DictionaryDecoder | Decoders | SharedPrepDecoder


def build_decoder(config: SpaceConfig) -> Decoder:
    archs = config.architectures
    if isinstance(config.decoder, PrepDecoderConfig):
        if archs[1:]:
            return SharedPrepDecoder(config.decoder, archs, config.latent)
        return PrepDecoder(config.decoder, archs[0], config.latent)
    if archs[1:]:
        return Decoders(config.decoder, archs, config.latent)
    return DictionaryDecoder(config.decoder, archs[0], config.latent)
