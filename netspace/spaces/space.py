"""Space: networks to latents and latents to networks. It knows weights; objectives know behaviour."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs import Architecture
from netspace.errors import BadLatent, UnknownArchitecture
from netspace.spaces.config import SpaceConfig
from netspace.spaces.decoders import ArchitectureHead, Decoders, SharedPrepDecoder, build_decoder, details_of
from netspace.spaces.encoders import build_encoder

FULLER = 0.02
"""How much lower SDFs are between networks that share no details, in the cube's units: a part that only one of them has
is thin there, and would break. The output's bias, the last of a network's weights, takes it."""


@dataclass(frozen=True)
class Decoded:
    """theta [B, Pmax], zero beyond each architecture's parameters; arch_ids [B] index `Space.architectures`.

    arch_logits [B, A] where there is more than one.
    """

    theta: Tensor
    arch_ids: Tensor
    arch_logits: Tensor | None = None


class Space(nn.Module):
    """An encoder and a decoder over one latent of size D; for several architectures, a head that tells them apart.

    A latent is a `code`, which the encoder finds, and, where the decoder has any, `details`: what one network has
    beside it. The encoder leaves those zero; a search finds them (`netspace/embedding.py`).
    """

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = build_encoder(config)
        self.decoder = build_decoder(config)
        self.head = ArchitectureHead(config) if len(config.architectures) > 1 else None
        self.accuracy = nn.Linear(config.latent, 1) if config.task == "classifier" else None
        self.code = config.latent
        self.details = max((len(part.units) for part in details_of(self.decoder)), default=0)

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        return self.config.architectures

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def latent_shape(self, arch: Architecture) -> tuple[int, ...]:  # noqa: ARG002 - token spaces will need it
        return (self.size,)

    @property
    def size(self) -> int:
        """D, the numbers of a latent: code and details."""
        return self.code + self.details

    def encode(self, theta: Tensor, arch: Architecture) -> Tensor:
        """theta [B, P] of any architecture the encoder can read -> z [B, D], its details zero."""
        return self.without_details(self.encoder(theta, arch))

    def without_details(self, code: Tensor) -> Tensor:
        """code [B, ..] -> latents [B, D] with these codes: what else is given is left out."""
        return F.pad(code[:, : self.code], (0, self.details))

    def blend(self, weights: Tensor, latents: Tensor) -> Tensor:
        """weights [B, K], latents [K, D] -> [B, D]: weighted sums, of which the details fade where they disagree.

        Halves of two networks' details are a roughness of neither network. So the sum is multiplied by the square of
        how much of them it keeps, |sum w d|^2 / sum |w| |d|^2: a quarter halfway between unrelated details of equal
        size, and 1 between a network and itself. Where they are lost, SDFs are lowered instead, by up to FULLER.
        """
        details = latents[:, self.code :]
        mixed = weights @ details
        most = weights.abs() @ details.square().sum(1)
        kept = torch.where(most > 0, mixed.square().sum(1) / most.clamp_min(1e-12), 1).clamp(max=1)
        faded = kept[:, None] ** 2 * mixed
        if self.config.task == "sdf" and self.details:
            unit = details_of(self.decoder)[0].units[-1].to(faded.device)
            faded[:, -1] -= torch.where(unit > 0, FULLER * (1 - kept) / unit, 0)
        return torch.cat([weights @ latents[:, : self.code], faded], dim=1)

    def decode(self, z: Tensor, arch: Architecture | Tensor | None = None) -> Decoded:
        """z [B, D] -> networks of the predicted architectures, of `arch`, or of the ClassIds [B] given.

        Raises BadLatent for another size, UnknownArchitecture for one that the space does not decode to.
        """
        if z.ndim != 2 or z.shape[1] != self.size:
            raise BadLatent(f"latent: expected [B, {self.size}], got {tuple(z.shape)}")
        logits = self.arch_logits(z)
        ids = self._arch_ids(z, logits, arch)
        if isinstance(self.decoder, (Decoders, SharedPrepDecoder)):
            return Decoded(self.decoder(z, ids), ids, logits)
        return Decoded(self.decoder(z), ids, logits)

    def arch_logits(self, z: Tensor) -> Tensor | None:
        """z [B, D] -> [B, A], by which the architecture is predicted; None where there is only one."""
        return None if self.head is None else self.head(z[:, : self.code])

    def _arch_ids(self, z: Tensor, logits: Tensor | None, arch: Architecture | Tensor | None) -> Tensor:
        if isinstance(arch, Tensor):
            return arch.to(z.device)
        if arch is not None:
            return torch.full((len(z),), self.arch_id(arch), device=z.device)
        return torch.zeros(len(z), dtype=torch.long, device=z.device) if logits is None else logits.argmax(1)

    def arch_id(self, arch: Architecture) -> int:
        """The ClassId of an architecture; raises UnknownArchitecture for one that the space does not decode to."""
        if arch not in self.architectures:
            known = ", ".join(a.name for a in self.architectures)
            raise UnknownArchitecture(f"expected one of {known}, got {arch.name}")
        return self.architectures.index(arch)

    def estimate_accuracy(self, z: Tensor) -> Tensor:
        """z [B, D] -> the accuracy [B], in [0, 1], that a classifier there probably has; linear on every line."""
        assert self.accuracy is not None, "only classifiers have an accuracy"
        return self.accuracy(z[:, : self.code])[:, 0].clamp(0, 1)

    def networks(self, decoded: Decoded) -> Iterator[tuple[Architecture, Tensor]]:
        """Each decoded network as (architecture, theta [P])."""
        for theta, arch_id in zip(decoded.theta, decoded.arch_ids.tolist(), strict=True):
            arch = self.architectures[arch_id]
            yield arch, theta[: arch.layout.size]
