"""Space: networks to latents and latents to networks. It knows weights; objectives know behaviour."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspace.archs import Architecture
from netspace.errors import BadLatent
from netspace.spaces.config import SpaceConfig
from netspace.spaces.decoders import build_decoder
from netspace.spaces.encoders import build_encoder


@dataclass(frozen=True)
class Decoded:
    """theta [B, P]; arch_ids [B] index `Space.architectures`; arch_logits [B, A] where there is more than one."""

    theta: Tensor
    arch_ids: Tensor
    arch_logits: Tensor | None = None


class Space(nn.Module):
    """An encoder and a decoder over one latent of size D.

    `whitening` [D, D], where it has been measured, gives coordinates in which a search for a latent is well-conditioned
    (`netspace/curvature.py`).
    """

    whitening: Tensor | None

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.decoder = build_decoder(config)
        self.register_buffer("whitening", None, persistent=False)

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        return self.config.architectures

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def latent_shape(self, arch: Architecture) -> tuple[int, ...]:  # noqa: ARG002 - token spaces will need it
        return (self.config.latent,)

    def encode(self, theta: Tensor, arch: Architecture) -> Tensor:
        """theta [B, P] of any architecture the encoder can read -> z [B, D]."""
        return self.encoder(theta, arch)

    def decode(self, z: Tensor) -> Decoded:
        """z [B, D] -> networks; raises BadLatent for another size."""
        if z.ndim != 2 or z.shape[1] != self.config.latent:
            raise BadLatent(f"latent: expected [B, {self.config.latent}], got {tuple(z.shape)}")
        theta = self.decoder(z)
        return Decoded(theta, torch.zeros(len(z), dtype=torch.long, device=z.device))
