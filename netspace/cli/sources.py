"""What commands are given, opened: spaces, images, latents and networks.

A latent is a file (.safetensors with `z`), a gallery id, a checkpoint to embed, or a place made of these.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from netspace.cli.console import progress_bar
from netspace.errors import BadImages, NetSpaceError
from netspace.runtime import pick_device

if TYPE_CHECKING:
    from netspace.archs import Architecture
    from netspace.data.images import ImageData
    from netspace.spaces import Gallery, Space, SpaceConfig

CHECKPOINTS = (".pt", ".pth", ".safetensors")


def read_json(path: Path) -> dict:
    """Raises NetSpaceError for a file that is not there or no JSON."""
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise NetSpaceError(f"{path}: expected a JSON file ({error})") from error


def open_space(folder: Path, device: str) -> "Space":
    from netspace.spaces import load_space

    return load_space(folder, pick_device(device))


def open_gallery(folder: Path) -> "Gallery":
    from netspace.spaces import Gallery

    return Gallery.open(folder / "gallery")


def open_images(folder: Path | None, space: "Space") -> "ImageData":
    """The images of a space of classifiers; raises BadImages where there are none."""
    from netspace.data.images import load_images

    if folder is None:
        raise BadImages("classifiers are measured on images: name their folder with --images")
    with progress_bar("reading images") as show:
        return load_images(folder, pixels(space.config), show)


def pixels(config: "SpaceConfig") -> int:
    """Pixels a side of the images that a space's networks read."""
    return getattr(config.architectures[0], "image_size", 32)


def _is_latent(path: Path) -> bool:
    """Whether a file holds a latent `z`; raises NetSpaceError for a damaged .safetensors."""
    from safetensors import SafetensorError, safe_open

    if path.suffix != ".safetensors":
        return False
    try:
        with safe_open(path, "pt") as file:
            return "z" in file.keys()  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise NetSpaceError(f"{path}: not readable as safetensors ({error})") from error


def latent(space: "Space", folder: Path, source: str) -> Tensor:
    """[D]. Raises NetSpaceError for a source that is none."""
    from netspace.places import is_place

    path = Path(source)
    if not path.exists() and is_place(source):
        return _place(space, folder, source)
    return _one_latent(space, folder, path)


def _place(space: "Space", folder: Path, text: str) -> Tensor:
    from netspace.directions import directions
    from netspace.places import Place

    place = Place.parse(text, "place")
    latents = place.look_up(lambda name: _one_latent(space, folder, Path(name)))
    return place.at(latents, directions(open_gallery(folder)))


def _one_latent(space: "Space", folder: Path, path: Path) -> Tensor:
    from safetensors.torch import load_file

    from netspace.checkpoint import read_network
    from netspace.embedding import embed

    if not path.exists():
        return open_gallery(folder).latent(str(path))
    if _is_latent(path):
        return load_file(path)["z"].float()
    return embed(space, *read_network(path)).z


def network(source: str, folder: Path, device: str) -> "tuple[Architecture, Tensor]":
    """(architecture, theta [P]): a checkpoint as it is, anything else decoded by the space."""
    from netspace.checkpoint import read_network
    from netspace.lines import latent_networks

    path = Path(source)
    if not _is_latent(path) if path.exists() else path.suffix in CHECKPOINTS:
        arch, theta = read_network(path)
        return arch, theta.to(pick_device(device))
    space = open_space(folder, device)
    z = latent(space, folder, source)
    return latent_networks(space, z, z, [0.0])[0]


def input_network(folder: Path, source: str) -> "tuple[Architecture, Tensor] | None":
    """(architecture, theta [P]) behind what `latent` takes, or None where there is only a latent."""
    from netspace.checkpoint import read_network

    path = Path(source)
    if path.exists():
        return None if _is_latent(path) else read_network(path)
    return open_gallery(folder).network(source)
