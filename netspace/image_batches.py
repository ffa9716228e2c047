"""Batches for training a space of classifiers: networks, latents between two of them, and images to answer."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from netspace.archs import Architecture
from netspace.data.images import ImageSet, normalised
from netspace.functional import run


@dataclass(frozen=True, kw_only=True)
class ImageBatchConfig:
    """`networks` of each step and `images` for each latent, flipped half the time (`flip`).

    `pairs`: at most so many pairs of the batch's networks have latents between them. `pool`: only the first so many
    training images, 0 for all; a teacher has to answer each once before training starts.
    """

    networks: int = 4
    images: int = 64
    pairs: int = 1
    flip: bool = True
    pool: int = 0

    def __post_init__(self) -> None:
        if min(self.networks, self.images) < 1 or min(self.pairs, self.pool) < 0:
            raise ValueError(f"expected positive numbers of networks and images, pairs and pool >= 0, got {self}")


@dataclass(frozen=True)
class Inputs:
    """n trained networks that a space is to encode."""

    theta: Tensor  # [n, Pmax], zero beyond each network's own parameters
    arch_ids: Tensor  # [n] ClassIds in the space
    parameters: Tensor  # [n] how many
    accuracy: Tensor  # [n] on validation images, in [0, 1]
    responses: Tensor | None  # [n, probes, C] logits on the probe images, where those are fixed

    def __len__(self) -> int:
        return len(self.theta)


@dataclass(frozen=True)
class ImageBatch:
    """B networks; J latents on lines between them (the first B are the networks' own) with what each should answer."""

    theta: Tensor  # [B, Pmax]
    arch_ids: Tensor  # [B]
    parameters: Tensor  # [B]
    accuracy: Tensor  # [B], NaN for networks that are mixed with the teacher
    responses: Tensor | None  # [B, probes, C]
    ends: Tensor  # [2, J] positions in the batch
    gamma: Tensor  # [J] where on the line between the ends
    wanted_ids: Tensor  # [J] ClassIds
    images: Tensor  # [J, M, 3, S, S], normalised
    labels: Tensor  # [J, M]
    targets: Tensor  # [J, M, C] logits

    def to(self, device: torch.device) -> "ImageBatch":
        return replace(self, **{k: v.to(device, non_blocking=True) for k, v in vars(self).items() if v is not None})


def smallest_and_largest(arch_ids: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Eqs. 7-12: every pair of a network of ClassId 0 and one of ClassId A - 1, as positions [Q] and [Q]."""
    small, large = ((arch_ids == i).nonzero()[:, 0] for i in (0, count - 1))
    return small.repeat_interleave(len(large)), large.repeat(len(small))


class ImageBatches:
    """Draws batches; all randomness comes from the generator of `draw`.

    With `teacher` (logits [2, N, C] of every image, as it is and flipped; [1, N, C] without flips) the targets are the
    teacher's, and between the smallest and the largest architecture lie the others. Without, they are the input
    network's own, and between two networks lies the one of `inputs` whose accuracy is next to theirs, mixed.

    With `teacher_responses` [probes, C] too, networks are mixed with the teacher: half of a batch's are as they are,
    the others answer, to probes and images, as something between themselves and the teacher (logits, linearly). What
    lies between the smallest and the largest architecture answers as something between those two.
    """

    def __init__(
        self,
        architectures: tuple[Architecture, ...],
        inputs: Inputs,
        images: ImageSet,
        config: ImageBatchConfig,
        teacher: Tensor | None,
        teacher_responses: Tensor | None = None,
    ) -> None:
        self.architectures, self.inputs, self.images = architectures, inputs, images
        self.config, self.teacher, self.teacher_responses = config, teacher, teacher_responses
        self.groups = [(inputs.arch_ids == i).nonzero()[:, 0] for i in range(len(architectures))]
        self.groups = [group for group in self.groups if len(group)]

    def draw(self, generator: torch.Generator) -> ImageBatch:
        inputs, rows = self.inputs, self._rows(generator)
        ids = inputs.arch_ids[rows]
        ends, gamma, wanted, models = self._between(rows, ids, generator)
        own = torch.arange(len(rows))
        ends = torch.cat([own.repeat(2, 1), ends], dim=1)
        gamma = torch.cat([torch.zeros(len(rows)), gamma])
        wanted, models = torch.cat([ids, wanted]), torch.cat([rows, models])
        images, labels, targets = self._images(models, generator)
        accuracy, responses = inputs.accuracy[rows], None if inputs.responses is None else inputs.responses[rows]
        if self.teacher_responses is not None:
            assert responses is not None
            share = (2 * torch.rand(len(rows), generator=generator) - 1).clamp(min=0)
            accuracy = accuracy.masked_fill(share > 0, torch.nan)
            responses = torch.lerp(responses, self.teacher_responses, share[:, None, None])
            shares = torch.lerp(share[ends[0]], share[ends[1]], gamma)
            targets = self._mixed(rows[ends], shares, gamma, images, targets)
        return ImageBatch(
            theta=inputs.theta[rows],
            arch_ids=ids,
            parameters=inputs.parameters[rows],
            accuracy=accuracy,
            responses=responses,
            ends=ends,
            gamma=gamma,
            wanted_ids=wanted,
            images=images,
            labels=labels,
            targets=targets,
        )

    def _rows(self, generator: torch.Generator) -> Tensor:
        """[B]: the architectures take turns, so that none starves; without repetition where it fits."""
        turns = torch.randperm(len(self.groups), generator=generator).tolist()
        counts = [0] * len(self.groups)
        for i in range(self.config.networks):
            counts[turns[i % len(turns)]] += 1
        return torch.cat([_pick(group, n, generator) for group, n in zip(self.groups, counts, strict=True)])

    def _between(self, rows: Tensor, ids: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """ends [2, K], gamma [K], ClassIds [K], and the rows [K] whose answers are wanted (-1 for the teacher's)."""
        count = len(self.architectures)
        if self.teacher is not None:
            first, last = smallest_and_largest(ids, count)
            chosen = torch.randperm(len(first), generator=generator)[: self.config.pairs]
            steps = torch.arange(1, max(1, count - 1))
            ends = torch.stack([first[chosen], last[chosen]]).repeat_interleave(len(steps), dim=1)
            wanted = steps.repeat(len(chosen))
            return ends, wanted / max(1, count - 1), wanted, torch.full_like(wanted, -1)
        pairs = min(self.config.pairs, len(rows) // 2)
        ends = torch.randperm(len(rows), generator=generator)[: 2 * pairs].reshape(2, pairs)
        gamma = torch.rand(pairs, generator=generator)
        first, last = self.inputs.accuracy[rows[ends]]
        accuracy = torch.lerp(first, last, gamma)
        same = self.inputs.arch_ids[None] == ids[ends[0]][:, None]
        off = (self.inputs.accuracy[None] - accuracy[:, None]).abs().masked_fill(~same, torch.inf)
        return ends, gamma, ids[ends[0]], off.argmin(1)

    def _images(self, models: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Images [J, M, 3, S, S], labels [J, M] and targets [J, M, C]; `models` [J] rows whose answers are wanted."""
        shape = (len(models), self.config.images)
        chosen = torch.randint(len(self.images.labels), shape, generator=generator)
        flipped = (torch.rand(shape, generator=generator) < 0.5) & self.config.flip
        images = normalised(self.images.images[chosen.flatten()])
        images = torch.where(flipped.flatten()[:, None, None, None], images.flip(-1), images)
        images, labels = images.reshape(*shape, *images.shape[1:]), self.images.labels[chosen].long()
        if self.teacher is not None:
            return images, labels, self.teacher[flipped.long(), chosen].float()
        return images, labels, self._answers(models, images)

    def _mixed(self, ends: Tensor, share: Tensor, gamma: Tensor, images: Tensor, teacher: Tensor) -> Tensor:
        """[J, M, C]: answers of networks `ends` [2, J], mixed by `gamma` [J], and with the teacher's by `share` [J]."""
        first, between = self._answers(ends[0], images), (gamma > 0).nonzero()[:, 0]
        own = first.clone()
        if len(between):
            last = self._answers(ends[1, between], images[between])
            own[between] = torch.lerp(first[between], last, gamma[between, None, None])
        return torch.lerp(own, teacher, share[:, None, None])

    @torch.no_grad()
    def _answers(self, models: Tensor, images: Tensor) -> Tensor:
        out: list[Tensor] = []
        for row, own in zip(models.tolist(), images, strict=True):
            arch = self.architectures[int(self.inputs.arch_ids[row])]
            out.append(run(arch, self.inputs.theta[row : row + 1, : arch.layout.size], own)[0])
        return torch.stack(out)


def _pick(group: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """`count` of the group, each at most once while there are enough."""
    if count <= len(group):
        return group[torch.randperm(len(group), generator=generator)[:count]]
    return group[torch.randint(len(group), (count,), generator=generator)]
