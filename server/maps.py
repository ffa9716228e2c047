"""Where the latents of a space lie on its 2-D maps."""

from dataclasses import dataclass
from typing import Literal

import torch

from netspace.maps import among
from server.latents import Latent
from server.registry import LoadedSpace

Projection = Literal["pca", "tsne"]
TITLES: dict[Projection, str] = {"pca": "Principal axes", "tsne": "Neighbourhoods"}


@dataclass(frozen=True)
class SpaceMap:
    """`points`: (id, x, y) of every latent, about in [-1, 1]. The gallery's never move; others lie among them."""

    projection: Projection
    axes: tuple[str, str]
    points: list[tuple[str, float, float]]


def map_of(space: LoadedSpace, projection: Projection, latents: list[Latent]) -> SpaceMap:
    """The latents, which lie in the space, on one of its maps."""
    return _principal(space, latents) if projection == "pca" else _neighbourhoods(space, latents)


def _principal(space: LoadedSpace, latents: list[Latent]) -> SpaceMap:
    shares = [found.r2 for found in space.directions.values() if found.kind == "component"]
    first, second = (
        f"Principal axis {i + 1}" + (f" ({shares[i]:.0%} of the variance)" if i < len(shares) else "") for i in range(2)
    )
    return SpaceMap("pca", (first, second), [(latent.id, *latent.position) for latent in latents])


def _neighbourhoods(space: LoadedSpace, latents: list[Latent]) -> SpaceMap:
    points: list[tuple[str, float, float]] = []
    if latents and len(space.gallery.latents):
        z = torch.stack([latent.vector for latent in latents])
        places = among(space.gallery.latents, space.neighbourhoods, z).tolist()
        points = [(latent.id, x, y) for latent, (x, y) in zip(latents, places, strict=True)]
    return SpaceMap("tsne", ("t-SNE 1", "t-SNE 2"), points)
