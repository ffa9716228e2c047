"""Fits SIRENs to shapes, many at once: stacked parameters, one optimiser, one compiled step."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from netspace.archs import Architecture, Siren
from netspace.data.points import training_points
from netspace.data.shapes import Shape
from netspace.errors import NetSpaceError
from netspace.functional import runner
from netspace.runtime import compiled, fast_product


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Defaults: 600 Adam steps of 512 points each, about a second a network on one core, IoU about 0.97."""

    hidden: tuple[int, ...] = (256, 256)
    steps: int = 600
    points: int = 512
    pool: int = 32_000
    lr: float = 1e-3
    warmup: int = 20
    clamp: float = 0.2
    fast: bool = True
    """bfloat16 products where the processor has them: same IoU, faster."""

    def __post_init__(self) -> None:
        if min(self.steps, self.points, self.pool) < 1 or self.points > self.pool:
            raise NetSpaceError(f"expected steps >= 1 and 1 <= points <= pool, got {self}")

    @property
    def arch(self) -> Siren:
        return Siren(hidden=self.hidden)


def clamped_l1(prediction: Tensor, target: Tensor, clamp: float) -> Tensor:
    """|clamp(prediction) - clamp(target)|, elementwise: no gradient where the prediction lies beyond the clamp."""
    return (prediction.clamp(-clamp, clamp) - target.clamp(-clamp, clamp)).abs()


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Linear warm-up, then cosine decay to zero."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def pools(shapes: list[Shape], count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Training points [B, count, 3] and their signed distances [B, count]."""
    sampled = [training_points(shape, count, generator) for shape in shapes]
    return torch.stack([p for p, _ in sampled]), torch.stack([s for _, s in sampled])


def loss_of(
    arch: Architecture, clamp: float, product: torch.dtype | None
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """(theta [B, P], points [B, N, 3], sdf [B, N]) -> loss; the sum over networks, so that none feels another."""
    networks = runner(arch, product)

    def loss(theta: Tensor, points: Tensor, sdf: Tensor) -> Tensor:
        return clamped_l1(networks(theta, points), sdf, clamp).mean(1).sum()

    return loss


def fit(
    points: Tensor,
    sdf: Tensor,
    config: FitConfig,
    generator: torch.Generator,
    progress: Callable[[int, float], None] | None = None,
    compile_step: bool = False,
) -> Tensor:
    """Overfits B networks, each from its own random initialisation: points [B, M, 3], sdf [B, M] -> theta [B, P].

    The networks do not influence one another. `progress(step, loss)` is called after every step, the loss being
    the mean over networks. `compile_step` pays after a few groups of networks. `generator` lives on the CPU; everything
    else on the points' device.
    """
    arch, count = config.arch, len(points)
    theta = arch.initial(count, generator).to(points.device).requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=config.lr, betas=(0.9, 0.99), fused=True)
    compute = loss_of(arch, config.clamp, fast_product(points.device) if config.fast else None)
    if compile_step:
        compute = compiled(compute)
    rows = torch.arange(count, device=points.device)[:, None]
    for step in range(config.steps):
        pick = torch.randint(points.shape[1], (count, config.points), generator=generator).to(points.device)
        optimiser.param_groups[0]["lr"] = learning_rate(step, config.steps, config.lr, config.warmup)
        loss = compute(theta, points[rows, pick], sdf[rows, pick])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if progress is not None:
            progress(step + 1, float(loss.detach()) / count)
    return theta.detach()
