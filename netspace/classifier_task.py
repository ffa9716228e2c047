"""What a space of classifiers is trained on: the networks of a zoo, images, and the teacher's answers to them."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from netspace.archs import Architecture
from netspace.classify import logits
from netspace.data.images import ImageData, ImageSet
from netspace.distillation import Distillation, DistillationConfig
from netspace.errors import BadImages, BadSpace, BadZoo
from netspace.files import atomic_path
from netspace.image_batches import ImageBatch, ImageBatchConfig, ImageBatches, Inputs
from netspace.spaces.decoders import Decoders, DictionaryDecoder
from netspace.spaces.encoders import ImageBehaviourEncoder
from netspace.spaces.space import Space
from netspace.train import Say, TrainConfig
from netspace.zoo import Zoo

VALIDATION_BATCHES = 8
"""Batches of validation networks and images that are the same at every validation."""
VALIDATION_IMAGES = 2000
"""Validation images that those batches are drawn from."""


class ClassifierTask:
    """Batches of a zoo's classifiers and of images, `Distillation` as the objective; see `netspace.train.Task`."""

    def __init__(
        self, space: Space, config: TrainConfig, zoo: Zoo, images: ImageData | None, fast: bool, say: Say
    ) -> None:
        assert isinstance(config.objective, DistillationConfig)
        assert isinstance(config.batch, ImageBatchConfig)
        if images is None:
            raise BadImages("training a space of classifiers needs images; name their folder with --images")
        self.space, self.objective = space, Distillation(space, config.objective, fast)
        seen = tuple(arch for i, arch in enumerate(space.architectures) if i not in config.unseen)
        if config.base == "zoo" and not config.start:
            start_from_zoo(space, zoo, seen)
        sets = {
            "train": images.train.select(slice(config.batch.pool or None)),
            "val": images.val.select(slice(VALIDATION_IMAGES)),
        }
        responses = _teacher_responses(space, config)
        self.batches, self.validation = (
            ImageBatches(
                space.architectures,
                inputs_of(space, zoo, split, seen),
                shown,
                config.batch,
                _teacher(config, shown, space.device, say),
                responses,
            )
            for split, shown in sets.items()
        )

    def draw(self, generator: torch.Generator) -> ImageBatch:
        return self.batches.draw(generator).to(self.space.device)

    def complete(self, space: Space, folder: Path) -> None:
        """Nothing: a classifier's latent is searched as it is."""

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """`error`: the training loss of unseen networks on unseen images, over the same few batches every time."""
        generator = torch.Generator().manual_seed(0)
        found: dict[str, float] = {}
        for _ in range(VALIDATION_BATCHES):
            terms = self.objective(self.validation.draw(generator).to(self.space.device))
            for name, value in terms.items():
                found[name] = found.get(name, 0.0) + float(value) / VALIDATION_BATCHES
        return {"error": found.pop("loss"), **found}


def start_from_zoo(space: Space, zoo: Zoo, seen: tuple[Architecture, ...]) -> dict[str, str]:
    """Base weights from the zoo's best training network of each architecture seen, if any; returns their names."""
    names = {}
    for arch_id, arch in enumerate(space.architectures):
        rows = zoo.indices("train", arch) if arch in seen else []
        if not rows:
            continue
        best = max(rows, key=lambda i: zoo.networks[i].properties["val_accuracy"])
        theta = zoo.theta([best])[0].to(space.device)
        if isinstance(space.decoder, Decoders):
            space.decoder.start_from(arch_id, theta)
        elif isinstance(space.decoder, DictionaryDecoder):
            space.decoder.start_from(theta)
        names[arch.name] = zoo.networks[best].name
    return names


@torch.no_grad()
def inputs_of(space: Space, zoo: Zoo, split: str, seen: tuple[Architecture, ...]) -> Inputs:
    """The networks of a split and of the space's architectures that are `seen`. Raises BadZoo where there is none."""
    rows = [i for i in zoo.indices(split) if zoo.networks[i].arch in seen]
    if not rows:
        known = ", ".join(arch.name for arch in seen)
        raise BadZoo(f"{zoo.root}: expected networks of split {split} and one of {known}, got none")
    theta = torch.zeros(len(rows), max(arch.layout.size for arch in space.architectures))
    for position, row in enumerate(rows):
        own = zoo.theta([row])[0]
        theta[position, : len(own)] = own
    ids = torch.tensor([space.arch_id(zoo.networks[i].arch) for i in rows])
    return Inputs(
        theta=theta,
        arch_ids=ids,
        parameters=torch.tensor([space.architectures[i].layout.size for i in ids.tolist()]),
        accuracy=torch.tensor([float(zoo.networks[i].properties["val_accuracy"]) for i in rows]),
        responses=_responses(space, theta, ids),
    )


def _responses(space: Space, theta: Tensor, arch_ids: Tensor) -> Tensor | None:
    """[n, probes, C], or None where they change while the space is trained, or are not asked for."""
    encoder = space.encoder
    if not isinstance(encoder, ImageBehaviourEncoder) or encoder.config.learn:
        return None
    parts = []
    for one, arch_id in zip(theta, arch_ids.tolist(), strict=True):
        arch = space.architectures[arch_id]
        parts.append(encoder.responses(one[None, : arch.layout.size].to(space.device), arch).cpu())
    return torch.cat(parts)


def best_of(zoo: Zoo) -> tuple[Architecture, Tensor]:
    """(architecture, theta [P]) of the zoo's best network by validation."""
    best = max(range(len(zoo.networks)), key=lambda i: zoo.networks[i].properties["val_accuracy"])
    return zoo.networks[best].arch, zoo.theta([best])[0]


def teacher_answers(
    root: Path, images: ImageSet, device: torch.device, flip: bool = True, say: Say = lambda *_: None
) -> Tensor:
    """Logits [2, N, C], half precision, of the teacher zoo's best network on images as they are and flipped.

    Without `flip`, [1, N, C] on images as they are.

    Kept beside the teacher, so that they are computed once for every set of images.
    """
    arch, theta = best_of(Zoo.open(root))
    stamp = hashlib.sha256(theta.numpy().tobytes() + images.images.numpy().tobytes()).hexdigest()[:16]
    path = root / "answers" / f"{stamp}{'-flips' if flip else ''}.safetensors"
    if not path.exists():
        parts: list[Tensor] = []
        for flipped in (False, True)[: 1 + flip]:
            say("teacher", len(parts), 1 + flip)
            parts.append(logits(arch, theta.to(device), images, flipped).cpu().half())
        with atomic_path(path) as temporary:
            save_file({"logits": torch.stack(parts)}, temporary)
    return load_file(path)["logits"]


def _teacher(config: TrainConfig, images: ImageSet, device: torch.device, say: Say) -> Tensor | None:
    """The teacher's answers, for objectives that need one. Raises BadSpace where it is not named."""
    assert isinstance(config.objective, DistillationConfig)
    assert isinstance(config.batch, ImageBatchConfig)
    if config.objective.targets == "input":
        return None
    if not config.teacher:
        raise BadSpace("teacher: expected the folder of a zoo with the teacher, got none")
    return teacher_answers(Path(config.teacher), images, device, config.batch.flip, say)


@torch.no_grad()
def _teacher_responses(space: Space, config: TrainConfig) -> Tensor | None:
    """[probes, C], for networks that are mixed with the teacher. Raises BadSpace where the encoder sees no answers."""
    assert isinstance(config.objective, DistillationConfig)
    if config.objective.targets != "mixed" or not config.teacher:
        return None
    if not isinstance(space.encoder, ImageBehaviourEncoder) or space.encoder.config.learn:
        raise BadSpace("targets mixed: expected an encoder image-behaviour with learn false, which sees answers")
    arch, theta = best_of(Zoo.open(Path(config.teacher)))
    return space.encoder.responses(theta[None].to(space.device), arch)[0].cpu()
