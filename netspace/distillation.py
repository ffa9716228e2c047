"""Objectives of spaces of classifiers: decoded networks answer as their inputs (Eq. 1) or a teacher (Eqs. 3-12)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netspace.functional import run
from netspace.image_batches import ImageBatch
from netspace.runtime import native_bfloat16
from netspace.spaces.encoders import ImageBehaviourEncoder
from netspace.spaces.space import Decoded, Space


@dataclass(frozen=True, kw_only=True)
class DistillationConfig:
    """Weights of the terms; the defaults are Eq. 1, `teacher` and what its docstring names are Eqs. 3-12.

    `targets`: whom decoded networks should answer as, "input" (the network that was encoded), "teacher", or "mixed"
    (anything between the two: the encoder is shown such answers, so that a latent says how far on the way it is).
    `kl`, `cross_entropy`: of the tempered divergence from the targets' answers and of the labels. `class_id`: of the
    predicted architecture. `between`: of latents between two of the batch. `accuracy`: of the linear estimate of the
    input's accuracy. `noise` is added to latents in training, `penalty` keeps them small.
    """

    targets: str = "input"
    temperature: float = 4.0
    kl: float = 1.0
    cross_entropy: float = 0.0
    class_id: float = 1.0
    between: float = 0.0
    accuracy: float = 1.0
    noise: float = 0.0
    penalty: float = 1e-4

    def __post_init__(self) -> None:
        if self.targets not in ("input", "teacher", "mixed") or not self.temperature > 0:
            raise ValueError(f"expected targets input, teacher or mixed and a positive temperature, got {self}")

    @classmethod
    def teacher(cls, **changes: float) -> "DistillationConfig":
        """The paper's weights for several architectures: 0.9 KL + 0.1 cross entropy, ClassIds, what lies between."""
        return cls(**{"targets": "teacher", "kl": 0.9, "cross_entropy": 0.1, "between": 1.0, **changes})  # type: ignore[arg-type]


def tempered_kl(targets: Tensor, logits: Tensor, temperature: float) -> Tensor:
    """Eq. 1 (and Eq. 3): T^2 KL(targets || logits) of tempered softmaxes, [..., C] and [..., C] -> [...]."""
    wanted, found = (F.log_softmax(x / temperature, dim=-1) for x in (targets, logits))
    return temperature**2 * (wanted.exp() * (wanted - found)).sum(-1)


def knowledge_distillation(targets: Tensor, logits: Tensor, labels: Tensor, config: DistillationConfig) -> Tensor:
    """Eqs. 3-5, L_kd for each network: targets and logits [B, M, C], labels [B, M] -> [B]."""
    loss = config.kl * tempered_kl(targets, logits, config.temperature).mean(-1)
    if config.cross_entropy:
        truth = F.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none").reshape(labels.shape)
        loss = loss + config.cross_entropy * truth.mean(-1)
    return loss


def answers(space: Space, decoded: Decoded, images: Tensor) -> Tensor:
    """Logits [B, M, C] of decoded networks, whatever their architectures, on images [B, M, 3, S, S] or [M, 3, S, S]."""
    return run_several(space, decoded.theta, decoded.arch_ids, images)


def run_several(space: Space, theta: Tensor, arch_ids: Tensor, images: Tensor) -> Tensor:
    """theta [B, Pmax] of ClassIds [B], images [B, M, 3, S, S] or shared [M, 3, S, S] -> logits [B, M, C]."""
    parts, order = [], []
    for arch_id in sorted(set(arch_ids.tolist())):
        arch, rows = space.architectures[arch_id], (arch_ids == arch_id).nonzero()[:, 0]
        parts.append(run(arch, theta[rows, : arch.layout.size], images[rows] if images.ndim == 5 else images))
        order.append(rows)
    return torch.cat(parts)[torch.cat(order).argsort()]


def encode_several(space: Space, theta: Tensor, arch_ids: Tensor) -> Tensor:
    """theta [B, Pmax] of ClassIds [B] -> z [B, D]."""
    parts, order = [], []
    for arch_id in sorted(set(arch_ids.tolist())):
        arch, rows = space.architectures[arch_id], (arch_ids == arch_id).nonzero()[:, 0]
        parts.append(space.encode(theta[rows, : arch.layout.size], arch))
        order.append(rows)
    return torch.cat(parts)[torch.cat(order).argsort()]


class Distillation(nn.Module):
    """The loss of a batch as one module, so that it can be wrapped for several GPUs."""

    def __init__(self, space: Space, config: DistillationConfig, fast: bool = False) -> None:
        super().__init__()
        self.space, self.config, self.fast = space, config, fast

    def latents(self, batch: ImageBatch) -> Tensor:
        """Codes [B, C]: from the sampled answers on fixed probes, or from the weights."""
        encoder = self.space.encoder
        if batch.responses is not None and isinstance(encoder, ImageBehaviourEncoder):
            return encoder.embed(batch.responses, batch.parameters)
        return encode_several(self.space, batch.theta, batch.arch_ids)[:, : self.space.code]

    def forward(self, batch: ImageBatch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """-> `loss` and its terms, all scalars: means over networks, so that their number does not matter.

        Networks are decoded as the architecture that is wanted, not as the one predicted: the choice has no gradient,
        and a wrong one would train another architecture's weights.
        """
        c, z = self.config, self.latents(batch)
        a, b = batch.ends
        at = torch.lerp(z[a], z[b], batch.gamma[:, None])
        if c.noise and self.training:
            at = at + c.noise * torch.randn(at.shape, generator=generator).to(at)
        decoded = self.space.decode(self.space.without_details(at), batch.wanted_ids)
        cast = self.fast and native_bfloat16(at.device)
        with torch.autocast(at.device.type, torch.bfloat16, enabled=cast):
            logits = answers(self.space, decoded, batch.images).float()
        each = knowledge_distillation(batch.targets, logits, batch.labels, c)
        if decoded.arch_logits is not None:
            class_id = F.cross_entropy(decoded.arch_logits, batch.wanted_ids, reduction="none")
        else:
            class_id = torch.zeros_like(each)
        return self._sum(batch, z, each, class_id)

    def _sum(self, batch: ImageBatch, z: Tensor, each: Tensor, class_id: Tensor) -> dict[str, Tensor]:
        """Eq. 6 over the batch's own latents plus Eqs. 7-12 over those between two of them."""
        c, own = self.config, len(z)
        assert self.space.accuracy is not None
        known = batch.accuracy.isfinite()
        off = self.space.accuracy(z)[:, 0] - torch.where(known, batch.accuracy, 0)
        terms = {
            "distillation": each[:own].mean(),
            "class_id": class_id[:own].mean(),
            "accuracy": (off.square() * known).sum() / known.sum().clamp(min=1),
            "latent_square": z.square().mean(),
        }
        loss = terms["distillation"] + c.class_id * terms["class_id"]
        loss = loss + c.accuracy * terms["accuracy"] + c.penalty * terms["latent_square"]
        if len(each) > own:
            terms["between"] = each[own:].mean()
            terms["between_class_id"] = class_id[own:].mean()
            loss = loss + c.between * (terms["between"] + c.class_id * terms["between_class_id"])
        return {"loss": loss, **terms}
