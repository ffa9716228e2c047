"""Tiny classifiers, images and spaces for tests: everything drawn, nothing trained."""

from pathlib import Path

import torch

from netspace.archs import Architecture
from netspace.archs.lenet import LeNetLike
from netspace.archs.resnet import ResNet
from netspace.archs.vanilla import VanillaCNN
from netspace.classifier_zoo import ClassifierZooConfig, Group
from netspace.data.images import ImageSet
from netspace.fit_classifiers import TrainingConfig
from netspace.image_batches import Inputs
from netspace.spaces import Space, SpaceConfig
from netspace.spaces.config import DecoderConfig, DictionaryDecoderConfig, ImageBehaviourEncoderConfig

LENET, VANILLA, RESNET = LeNetLike(), VanillaCNN(), ResNet()
ARCHS: tuple[Architecture, ...] = (LENET, VANILLA, RESNET)


def image_set(count: int = 24, seed: int = 0) -> ImageSet:
    """Noise whose brightness tells its class, a little."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    noise = torch.randint(0, 150, (count, 3, 32, 32), generator=generator)
    return ImageSet((noise + 10 * labels[:, None, None, None]).to(torch.uint8), labels, tuple("abcdefghij"))


def classifier_space(archs: tuple[Architecture, ...] = ARCHS, decoder: DecoderConfig | None = None) -> Space:
    """Untrained, the same every time."""
    config = SpaceConfig(
        name="tiny",
        title="Tiny classifiers",
        latent=6 if decoder is None else 64,
        architectures=archs,
        encoder=ImageBehaviourEncoderConfig(probes=5, hidden=(16,)),
        decoder=decoder or DictionaryDecoderConfig(directions=4, hidden=12, rank=1, gain=1.0),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Space(config).eval()


def inputs_for(space: Space, ids: tuple[int, ...] = (0, 1, 2, 0, 2), seed: int = 0) -> Inputs:
    """Untrained networks of these ClassIds, with invented accuracies 0.1, 0.2, ..."""
    generator = torch.Generator().manual_seed(seed)
    theta = torch.zeros(len(ids), space.architectures[-1].layout.size)
    responses = []
    with torch.no_grad():
        for row, i in enumerate(ids):
            arch = space.architectures[i]
            theta[row, : arch.layout.size] = 2 * arch.initial(1, generator)[0]
            responses.append(space.encoder.responses(theta[row : row + 1, : arch.layout.size], arch))
    sizes = torch.tensor([space.architectures[i].layout.size for i in ids])
    accuracy = 0.1 * torch.arange(1, len(ids) + 1)
    return Inputs(theta, torch.tensor(ids), sizes, accuracy, torch.cat(responses))


def image_folder(root: Path, train: int = 10, test: int = 4) -> Path:
    """train/<class>/* and test/<class>/* of ten classes; each has a brightness of its own."""
    from PIL import Image

    generator = torch.Generator().manual_seed(0)
    for split, count in (("train", train), ("test", test)):
        for label, name in enumerate("abcdefghij"):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                noise = torch.randint(0, 60, (32, 32, 3), generator=generator) + 19 * label
                Image.fromarray(noise.to(torch.uint8).numpy()).save(root / split / name / f"{i}.png")
    return root


def zoo_config(images: Path) -> ClassifierZooConfig:
    """Five LeNetLikes and five ResNet8s: two of each to train on, one to validate and two to test. No VanillaCNN."""
    training = TrainingConfig(batch=20, lr=0.02, schedule="constant")
    groups = tuple(
        Group(arch=arch, train=2, val=1, test=2, epochs=(1, 4), training=training) for arch in (LENET, RESNET)
    )
    return ClassifierZooConfig(images=str(images), groups=groups, shard_size=2, seed=1)
