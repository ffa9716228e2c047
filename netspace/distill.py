"""`distill`: the latent whose decoded classifier answers as a teacher does (the paper's LSO for classifiers)."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from netspace.archs import Architecture
from netspace.classify import accuracy, logits, predictions
from netspace.data.images import ImageSet, normalised
from netspace.distillation import answers, tempered_kl
from netspace.errors import BadObjective
from netspace.lso import CHECK
from netspace.spaces.space import Space


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """`images` a step, divergence at `temperature`; `class_id` weighs that the architecture stays what it is."""

    images: int = 256
    temperature: float = 4.0
    class_id: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 1 or not self.temperature > 0 or self.class_id < 0:
            raise BadObjective(f"expected images >= 1, temperature > 0 and class_id >= 0, got {self}")


class Answers(Protocol):
    """A teacher's logits on N images: `answers[rows]` are those [M, C] of the images `rows` [M]. A tensor is such."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: Tensor, /) -> Tensor: ...


class Teacher:
    """Answers of a network theta [P], given when they are first asked for, and kept.

    A search that is short, or stopped, never waits for a teacher that has looked at all images.
    """

    def __init__(self, arch: Architecture, theta: Tensor, images: ImageSet) -> None:
        self.arch, self.theta, self.images = arch, theta, images
        self._logits = torch.zeros(len(images), len(images.classes))
        self._known = torch.zeros(len(images), dtype=torch.bool)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor) -> Tensor:
        new = rows[~self._known[rows]].unique()
        if len(new):
            self._logits[new] = logits(self.arch, self.theta, self.images.select(new)).float().cpu()
            self._known[new] = True
        return self._logits[rows]


class Distill:
    """Descends the tempered divergence from a teacher on training images; latents are compared by validation accuracy.

    `teacher` are its logits on the N training images. A latent that is decoded as another architecture than `arch`
    counts as wrong on every validation image.
    """

    kind = "distill"

    def __init__(
        self,
        space: Space,
        arch: Architecture,
        training: ImageSet,
        teacher: Answers,
        validation: ImageSet,
        config: DistillConfig | None = None,
    ) -> None:
        if len(teacher) != len(training.labels):
            raise BadObjective(f"teacher: expected logits of {len(training.labels)} images, got {len(teacher)}")
        self.space, self.arch, self.arch_id = space, arch, space.arch_id(arch)
        self.training, self.teacher, self.validation = training, teacher, validation
        self.config = config or DistillConfig()
        self._validated: dict[bytes, float] = {}

    def terms(self, z: Tensor, draw: int) -> dict[str, Tensor]:
        """z [B, D] -> weighted terms [B]; for the draw CHECK the share of validation images that are wrong."""
        if draw == CHECK:
            wrong = [1 - self.validated(one) for one in z]
            return {"validation_error": torch.tensor(wrong, dtype=torch.float64, device=z.device)}
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + draw)
        chosen = torch.randint(len(self.teacher), (self.config.images,), generator=generator)
        images = normalised(self.training.images[chosen]).to(z.device)
        decoded = self.space.decode(z, self.arch)
        found = answers(self.space, decoded, images)
        targets = self.teacher[chosen].float().to(z.device).expand_as(found)
        terms = {"distillation": tempered_kl(targets, found, self.config.temperature).mean(1)}
        if decoded.arch_logits is not None and self.config.class_id:
            wanted = torch.full((len(z),), self.arch_id, device=z.device)
            class_id = F.cross_entropy(decoded.arch_logits, wanted, reduction="none")
            terms["class_id"] = self.config.class_id * class_id
        return terms

    def validated(self, z: Tensor) -> float:
        """Accuracy on the validation images at z [D]; asked again for the same latent, it is known."""
        key = z.detach().cpu().numpy().tobytes()
        if key not in self._validated:
            self._validated[key] = self.accuracy(z, self.validation)
        return self._validated[key]

    @torch.no_grad()
    def accuracy(self, z: Tensor, images: ImageSet) -> float:
        """Of the network decoded from z [D], as anybody would decode it; 0 for one of another architecture."""
        ((arch, theta),) = self.space.networks(self.space.decode(z[None]))
        return accuracy(predictions(arch, theta, images), images) if arch == self.arch else 0.0

    def verdict(self, z: Tensor) -> str:
        right = self.validated(z)
        return (
            f"The decoded {self.arch.name} is right on {right:.1%} of {len(self.validation.labels)} validation images."
        )
