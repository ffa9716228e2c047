"""Spaces of classifiers that have learnt nothing, on disk, with a gallery and a measured line."""

from pathlib import Path

import torch
from classifiers import ARCHS, LENET, RESNET, VANILLA, classifier_space

from netspace.archs import Architecture
from netspace.spaces import Entry, Gallery, save_space
from netspace.spaces.gallery import AccuracyLine, Projection

LINE = AccuracyLine(
    first="net-0",
    last="net-2",
    images=20,
    ts=(0.0, 0.5, 1.0),
    accuracy=(0.2, 0.31, 0.4),
    probabilities=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    weights=(0.25, 0.1, 0.45),
)


def network(arch: Architecture, seed: int = 0) -> torch.Tensor:
    """theta [P] whose answers differ from image to image."""
    return 2 * arch.initial(1, torch.Generator().manual_seed(seed))[0]


def make_classifiers(folder: Path, name: str = "cifar", archs: tuple[Architecture, ...] = ARCHS) -> Path:
    """Gallery `net-0` to `net-2`, of the architectures in turns; `net-1` ships without its weights."""
    space = classifier_space(archs)
    object.__setattr__(space.config, "name", name)
    save_space(space, folder)
    own = [archs[i % len(archs)] for i in range(3)]
    thetas = [network(arch, seed) for seed, arch in enumerate(own)]
    with torch.no_grad():
        latents = torch.cat([space.encode(theta[None], arch) for theta, arch in zip(thetas, own, strict=True)])
    projection = Projection.of(latents)
    entries = tuple(
        Entry(
            id=f"net-{i}",
            name=f"Network {i}",
            source="classifier",
            split="test",
            position=projection(z).tolist(),
            properties={"architecture": arch.name, "accuracy": 0.3 + 0.1 * i, "decoded_accuracy": 0.2 + 0.1 * i},
            agreement=0.3 + 0.2 * i,
            architecture=archs.index(arch),
        )
        for i, (z, arch) in enumerate(zip(latents, own, strict=True))
    )
    networks = {f"net-{i}": thetas[i] for i in (0, 2)}
    Gallery(entries, latents, projection, networks, archs, folder / "gallery", (LINE,)).save({})
    return folder


__all__ = ["LENET", "LINE", "RESNET", "VANILLA", "make_classifiers", "network"]
