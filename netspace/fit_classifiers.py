"""Trains classifiers, many of one architecture at once, each from its own initialisation on its own order of images."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from netspace.archs import Classifier, ResNet, fold_batchnorm
from netspace.data.images import ImageSet, augmented, normalised
from netspace.errors import BadZoo
from netspace.files import atomic_path
from netspace.functional import module_runner, run
from netspace.runtime import native_bfloat16

CHUNK = 250
"""Images at a time without gradient."""
STATISTICS = 8
"""Chunks of training images that batch norm's statistics are taken from."""
SAVE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How a classifier is trained; how long is each network's own (`Seat`)."""

    optimiser: str = "sgd"
    lr: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 128
    schedule: str = "steps"
    """"constant", "steps" (x0.1 at each of `milestones`) or "onecycle" (up for `warmup`, then down to zero)."""
    milestones: tuple[float, ...] = (0.497, 0.597, 0.697)
    """Shares of the training, as are `warmup` and `small`."""
    warmup: float = 0.2
    small: float = 0.0
    """At the start, images of half the size: four times cheaper, for ResNets only, which take any size."""
    smoothing: float = 0.0
    """Label smoothing."""
    augment: bool = True
    """Random crops and flips; flips alone otherwise, for trainings too short to overfit."""

    fast: bool = True
    """Products in bfloat16 where the device is made for it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", tuple(self.milestones))
        if self.optimiser not in ("sgd", "adam") or self.schedule not in ("constant", "steps", "onecycle"):
            raise BadZoo(f"expected optimiser sgd or adam, schedule constant, steps or onecycle, got {self}")
        if self.batch < 1 or self.lr <= 0 or not (0 <= self.small <= 1 and 0 <= self.warmup < 1):
            raise BadZoo(f"expected batch >= 1, lr > 0 and shares from 0 to 1, got {self}")

    def rate(self, share: float) -> float:
        """The learning rate when `share` of the steps is done."""
        if self.schedule == "onecycle":
            up = share < self.warmup
            return self.lr * (share / self.warmup if up else (1 - share) / (1 - self.warmup))
        passed = sum(share >= at for at in self.milestones) if self.schedule == "steps" else 0
        return self.lr * 0.1**passed

    def optimiser_of(self, leaves: Sequence[Tensor]) -> torch.optim.Optimizer:
        """One for all networks, with a group and so a learning rate for each."""
        groups = [{"params": [leaf]} for leaf in leaves]
        if self.optimiser == "adam":
            return torch.optim.Adam(groups, lr=self.lr, weight_decay=self.weight_decay)
        return torch.optim.SGD(groups, lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Seat:
    """A network to be trained: what its initialisation and the order of its images are drawn from, and how long."""

    seed: int
    epochs: float

    def generator(self, *what: object) -> torch.Generator:
        """For one purpose, say an epoch's order: the same however often training is interrupted."""
        digest = hashlib.sha256(repr((self.seed, *what)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


@dataclass
class Batches:
    """One network's training images, epoch after epoch in a new order; the last ones of an epoch are left out."""

    images: ImageSet
    seat: Seat
    config: TrainingConfig
    _epoch: int = -1
    _order: Tensor = field(default_factory=lambda: torch.empty(0))
    _generator: torch.Generator = field(default_factory=torch.Generator)

    @property
    def an_epoch(self) -> int:
        """Steps."""
        return max(1, len(self.images) // self.config.batch)

    @property
    def steps(self) -> int:
        return max(1, round(self.seat.epochs * self.an_epoch))

    def take(self, step: int, images: Tensor) -> tuple[Tensor, Tensor]:
        """Of images uint8 [N, 3, S, S]: some, augmented, [n, 3, S, S] and their labels [n].

        Steps are taken in order, from the start of an epoch.
        """
        epoch, within = divmod(step, self.an_epoch)
        if epoch != self._epoch:
            self._epoch, self._generator = epoch, self.seat.generator("epoch", epoch)
            self._order = torch.randperm(len(self.images), generator=self._generator)
        batch = self.config.batch
        rows = self._order[within * batch : (within + 1) * batch].to(images.device)
        crops = images.shape[-1] // 8 if self.config.augment else 0
        return augmented(images[rows], self._generator, crops), self.images.labels[rows]


def trainable(arch: Classifier) -> Classifier:
    """As it is trained: a ResNet with batch norm."""
    return replace(arch, batch_norm=True) if isinstance(arch, ResNet) else arch


def training_module(arch: Classifier) -> nn.Module:
    """Without weights; batch norm uses the batch's statistics and keeps none (see `with_statistics`)."""
    module = arch.build(device="meta").train()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.track_running_stats = False
    return module


@torch.no_grad()
def with_statistics(arch: Classifier, theta: Tensor, images: ImageSet) -> Tensor:
    """theta [P] with batch norm's running statistics: averages over some batches of the first training images."""
    module = arch.build(device=str(theta.device)).train()
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    if not norms:
        return theta
    module.load_state_dict(arch.layout.unflatten(theta), strict=False)
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for part in images.images[: CHUNK * STATISTICS].split(CHUNK):
        module(normalised(part).contiguous(memory_format=torch.channels_last))
    return arch.layout.flatten(module.state_dict())


@dataclass
class Training:
    """B networks on their way; `done` are the steps of those that are trained longest."""

    arch: Classifier
    config: TrainingConfig
    batches: list[Batches]
    leaves: list[Tensor]
    optimiser: torch.optim.Optimizer
    at_once: bool | None = None
    done: int = 0

    @classmethod
    def begin(
        cls,
        arch: Classifier,
        config: TrainingConfig,
        seats: Sequence[Seat],
        images: ImageSet,
        at_once: bool | None = None,
    ) -> "Training":
        """On the images' device. `at_once` is `module_runner`'s."""
        arch = trainable(arch)
        starts = [arch.initial(1, seat.generator("initial"))[0] for seat in seats]
        leaves = [start.to(images.images.device).requires_grad_() for start in starts]
        batches = [Batches(images, seat, config) for seat in seats]
        return cls(arch, config, batches, leaves, config.optimiser_of(leaves), at_once)

    @property
    def steps(self) -> int:
        return max(each.steps for each in self.batches)

    @cached_property
    def half_size(self) -> Tensor:
        """The training images, uint8 [N, 3, S/2, S/2]."""
        parts = self.batches[0].images.images.split(1000)
        return torch.cat([F.avg_pool2d(part.float(), 2).round().to(torch.uint8) for part in parts])

    def save(self, path: Path) -> None:
        """Whole epochs: the order of the images begins anew at each."""
        tensors = {f"theta.{i}": leaf.detach() for i, leaf in enumerate(self.leaves)}
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"state.{i}.{name}": torch.as_tensor(value) for name, value in state.items()}
        with atomic_path(path) as temporary:
            save_file(
                {name: value.contiguous() for name, value in tensors.items()}, temporary, {"done": str(self.done)}
            )

    def restore(self, path: Path) -> None:
        """What `save` wrote; nothing if there is no such file or it is damaged."""
        try:
            with safe_open(path, "pt") as file:
                done = int(file.metadata()["done"])
            tensors = load_file(path, device=str(self.leaves[0].device))
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            return
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            kind, number, *rest = name.split(".")
            if kind == "state":
                state.setdefault(int(number), {})[rest[0]] = value
        with torch.no_grad():
            for i, leaf in enumerate(self.leaves):
                leaf.copy_(tensors[f"theta.{i}"])
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": state})
        self.done = done

    def _small(self, i: int) -> bool:
        return isinstance(self.arch, ResNet) and self.done < self.config.small * self.batches[i].steps

    def _loss(self, members: list[int], small: bool, forward: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Of the next step; the sum over networks, so that none feels another."""
        source = self.half_size if small else self.batches[0].images.images
        taken = [self.batches[i].take(self.done, source) for i in members]
        images = normalised(torch.stack([images for images, _ in taken]))
        labels = torch.stack([labels for _, labels in taken])
        lower = self.config.fast and native_bfloat16(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=lower):
            logits = forward(torch.stack([self.leaves[i] for i in members]), images).flatten(0, 1)
        loss = F.cross_entropy(logits.float(), labels.flatten(), label_smoothing=self.config.smoothing)
        return loss * len(members)

    def advance(self, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
        """One step of every network that is not done yet."""
        active = [i for i, each in enumerate(self.batches) if self.done < each.steps]
        self.optimiser.zero_grad(set_to_none=True)
        for small in (True, False):
            if members := [i for i in active if self._small(i) is small]:
                self._loss(members, small, forward).backward()
        for i in active:
            self.optimiser.param_groups[i]["lr"] = self.config.rate(self.done / self.batches[i].steps)
        self.optimiser.step()
        self.done += 1

    def run(self, partial: Path | None = None) -> None:
        """To the end. Every minute or so what has been done is kept in the file `partial`, and continued from there."""
        forward = module_runner(self.arch, training_module(self.arch), self.at_once)
        if partial is not None:
            self.restore(partial)
        saved = time.monotonic()
        while self.done < self.steps:
            self.advance(forward)
            whole = self.done % self.batches[0].an_epoch == 0
            if partial is not None and whole and time.monotonic() - saved > SAVE_SECONDS:
                self.save(partial)
                saved = time.monotonic()

    def networks(self) -> Tensor:
        """theta [B, P] of the architecture without batch norm. Raises BadZoo for a network that is not finite."""
        images, made = self.batches[0].images, []
        for leaf in self.leaves:
            theta = with_statistics(self.arch, leaf.detach(), images)
            if isinstance(self.arch, ResNet):
                theta = fold_batchnorm(self.arch, self.arch.layout.unflatten(theta))[1]
            if not torch.isfinite(theta).all():
                raise BadZoo(f"{self.arch.name}: the training diverged; lower its learning rate ({self.config.lr})")
            made.append(theta)
        return torch.stack(made)


def train_classifiers(
    arch: Classifier,
    config: TrainingConfig,
    seats: Sequence[Seat],
    images: ImageSet,
    partial: Path | None = None,
    at_once: bool | None = None,
) -> Tensor:
    """Trains B networks that do not influence one another: -> theta [B, P], batch norm folded, on the images' device.

    `partial` names a file by which a training that was interrupted is continued.
    """
    training = Training.begin(arch, config, seats, images, at_once)
    training.run(partial)
    return training.networks()


@torch.no_grad()
def score(arch: Classifier, theta: Tensor, images: ImageSet) -> tuple[float, float]:
    """(accuracy in [0, 1], mean cross entropy) of one network theta [P] on images of its device."""
    right, loss = 0.0, 0.0
    for part, labels in zip(images.images.split(CHUNK), images.labels.split(CHUNK), strict=True):
        logits = run(arch, theta[None], normalised(part))[0]
        right += float((logits.argmax(1) == labels).sum())
        loss += float(F.cross_entropy(logits, labels, reduction="sum"))
    return right / len(images), loss / len(images)
