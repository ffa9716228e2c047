"""What a space is trained for: objectives know behaviour, spaces know weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netspace.batches import Batch
from netspace.functional import runner
from netspace.runtime import compiled, fast_product, native_bfloat16
from netspace.spaces.encoders import BehaviourEncoder
from netspace.spaces.space import Space


@dataclass(frozen=True, kw_only=True)
class SdfDistillationConfig:
    """Eq. 2: the decoded network answers as the input network does, at the same points.

    `loss` is "mse" (the paper's) or "l1"; answers are clamped to +-`clamp` (networks say anything far from the
    surface; 0 does not clamp). `noise` is added to latents in training, `penalty` keeps them small, `midpoint` weighs
    what is known about the networks halfway between two (compare Eqs. 7-12 for classifiers).
    """

    loss: str = "l1"
    clamp: float = 0.1
    noise: float = 0.0
    penalty: float = 1e-4
    midpoint: float = 0.5

    def __post_init__(self) -> None:
        if self.loss not in ("l1", "mse") or self.clamp < 0:
            raise ValueError(f"expected loss l1 or mse and clamp >= 0, got {self}")


def distance(prediction: Tensor, target: Tensor, loss: str, clamp: float) -> Tensor:
    """Eq. 2 for each network: prediction and target [B, N] -> [B]."""
    if clamp:
        prediction, target = prediction.clamp(-clamp, clamp), target.clamp(-clamp, clamp)
    difference = prediction - target
    return (difference.abs() if loss == "l1" else difference.square()).mean(1)


class SdfDistillation(nn.Module):
    """The loss of a batch as one module, so that it can be wrapped for several GPUs."""

    def __init__(self, space: Space, config: SdfDistillationConfig, fast: bool = False) -> None:
        super().__init__()
        self.space, self.config, self.fast = space, config, fast
        self.distances = self._distances(fast)

    def _distances(self, fast: bool) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """(theta [B, P], points [B, N, 3], values [B, N]) -> [B]; `fast`: compiled, in bfloat16 if native."""
        networks = runner(self.space.architectures[0], fast_product(self.space.device) if fast else None)
        loss, clamp = self.config.loss, self.config.clamp

        def distances(theta: Tensor, points: Tensor, values: Tensor) -> Tensor:
            return distance(networks(theta, points), values, loss, clamp)

        return compiled(distances) if fast else distances

    def latents(self, batch: Batch) -> Tensor:
        """Codes [B, C]: from the sampled probes, or from the batch's theta for an encoder that reads weights."""
        encoder = self.space.encoder
        if isinstance(encoder, BehaviourEncoder):
            device = batch.probes.device
            with torch.autocast(device.type, torch.bfloat16, enabled=self.fast and native_bfloat16(device)):
                return encoder.embed(batch.probes).float()
        assert batch.theta is not None
        return self.space.encode(batch.theta, self.space.architectures[0])[:, : self.space.code]

    def forward(self, batch: Batch, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """-> `loss` and its terms, all scalars; noise comes from the generator (on the CPU)."""
        c = self.config
        z = self.latents(batch)
        between = (z[batch.ends[0]] + z[batch.ends[1]]) / 2
        all_z = torch.cat([z, between])
        if c.noise and self.training:
            all_z = all_z + c.noise * torch.randn(all_z.shape, generator=generator).to(all_z)
        decoded = self.space.decode(self.space.without_details(all_z)).theta
        points, values = torch.cat([batch.points, batch.mid_points]), torch.cat([batch.values, batch.mid_values])
        each = self.distances(decoded, points, values)
        terms = {"distillation": each[: len(z)].mean(), "latent_square": z.square().mean()}
        loss = terms["distillation"] + c.penalty * terms["latent_square"]
        if len(between):
            terms["midpoint"] = each[len(z) :].mean()
            loss = loss + c.midpoint * terms["midpoint"]
        return {"loss": loss, **terms}
