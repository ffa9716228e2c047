"""netspace embed, decode, interpolate, mesh, compare and directions: what is done with single networks."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from torch import Tensor

from netspace.cli.console import say
from netspace.cli.options import DEFAULT_SPACE, SOURCE, Device, ImageFolder, NetworkFile, SpaceFolder
from netspace.cli.sources import latent as latent_of
from netspace.cli.sources import network as network_of
from netspace.cli.sources import open_gallery, open_images, open_space
from netspace.errors import NetSpaceError

if TYPE_CHECKING:
    from netspace.archs import Architecture
    from netspace.familiarity import Familiarity
    from netspace.spaces import Space

Describe = Callable[[int, "Architecture", Tensor], dict]
"""What is said of a point of a line: called with (its number, architecture, theta [P])."""


def embed(
    network: Annotated[Path, typer.Argument(help="A .pt or .safetensors checkpoint.")],
    space: SpaceFolder = DEFAULT_SPACE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the latent goes (.safetensors).")] = None,
    images: ImageFolder = None,
    device: Device = "auto",
) -> None:
    """Embeds a network and says how well the space represents it; classifiers are measured on test images, if given."""
    from safetensors.torch import save_file

    from netspace.checkpoint import read_network
    from netspace.embedding import embed as embed_network
    from netspace.files import atomic_path

    opened = open_space(space, device)
    arch, theta = read_network(network)
    test = None if images is None else open_images(images, opened).test
    result = embed_network(opened, arch, theta, images=test, familiarity=_familiarity(space))
    if output is not None:
        with atomic_path(output) as temporary:
            save_file({"z": result.z.contiguous()}, temporary)
    figures = {name: round(value, 4) for name, value in result.figures.items()}
    say({"architecture": arch.name, **figures, "represented": result.represented, "verdict": result.verdict})


def _familiarity(folder: Path) -> "Familiarity | None":
    """Of the space's gallery, if it has one."""
    from netspace.familiarity import Familiarity

    return Familiarity.of(open_gallery(folder).latents) if (folder / "gallery").exists() else None


def decode(
    latent: Annotated[str, typer.Argument(help=SOURCE)],
    output: NetworkFile,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Decodes a latent to a ready-to-use network."""
    from netspace.checkpoint import network_bytes
    from netspace.files import atomic_path

    opened = open_space(space, device)
    decoded = opened.decode(latent_of(opened, space, latent)[None].to(opened.device))
    ((arch, theta),) = opened.networks(decoded)
    content = network_bytes(arch, theta, output.suffix.removeprefix("."))
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
    say({"network": str(output), "architecture": arch.name})


def interpolate(
    a: Annotated[str, typer.Argument(help=SOURCE)],
    b: Annotated[str, typer.Argument(help="The other end.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the networks on the line.")],
    steps: int = 5,
    meshes: Annotated[bool, typer.Option(help="Write a mesh (.glb) of each SDF network too.")] = False,
    images: ImageFolder = None,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Decodes the line between two networks, ends included, and says what each point is."""
    from netspace.checkpoint import network_bytes
    from netspace.lines import latent_networks

    if not 2 <= steps <= 256:
        raise NetSpaceError(f"--steps: expected 2 to 256, got {steps}")
    opened = open_space(space, device)
    ts = [i / (steps - 1) for i in range(steps)]
    networks = latent_networks(opened, latent_of(opened, space, a), latent_of(opened, space, b), ts)
    describe = _shapes(output if meshes else None) if opened.config.task == "sdf" else _classifiers(opened, images)
    output.mkdir(parents=True, exist_ok=True)
    points = []
    for i, (t, (arch, theta)) in enumerate(zip(ts, networks, strict=True)):
        (output / f"{i:03d}.pt").write_bytes(network_bytes(arch, theta))
        points.append({"t": t, **describe(i, arch, theta)})
    say({"architecture": networks[0][0].name, "points": points})


def _shapes(folder: Path | None) -> Describe:
    """What SDF networks are; their meshes go into the folder, if one is given."""
    from dataclasses import asdict

    from netspace.lines import describe
    from netspace.mesh import network_mesh, save_mesh

    def about(number: int, arch: "Architecture", theta: Tensor) -> dict:
        what = describe(arch, theta)
        if folder is not None and not what.empty:
            save_mesh(network_mesh(arch, theta), folder / f"{number:03d}.glb")
        return asdict(what)

    return about


def _classifiers(space: "Space", images: Path | None) -> Describe:
    """What classifiers are: their architecture, and on test images, if given, their accuracy."""
    from netspace.classify import accuracy, predictions

    test = None if images is None else open_images(images, space).test

    def about(_: int, arch: "Architecture", theta: Tensor) -> dict:
        known = {} if test is None else {"accuracy": round(accuracy(predictions(arch, theta, test), test), 4)}
        return {"architecture": arch.name, **known}

    return about


def directions(space: SpaceFolder = DEFAULT_SPACE) -> None:
    """Lists what latents can be moved along, each with what it is worth (R^2 on networks that were left out)."""
    from netspace.directions import directions as directions_of

    found = directions_of(open_gallery(space)).values()
    names = ("name", "title", "kind", "r2", "low", "high", "unit", "deviation")
    say({"directions": [{name: _rounded(getattr(one, name)) for name in names} for one in found]})


def _rounded(value: str | float) -> str | float:
    return value if isinstance(value, str) else round(value, 4)


def mesh(
    network: Annotated[str, typer.Argument(help=f"A checkpoint of an SDF network; or, to be decoded: {SOURCE}")],
    output: Annotated[Path, typer.Option("--output", "-o", help="glb, stl, ply or obj.")],
    resolution: int = 128,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Meshes an SDF network by marching cubes, in [-1, 1]^3."""
    from netspace.mesh import network_mesh, save_mesh

    if not 16 <= resolution <= 512:
        raise NetSpaceError(f"--resolution: expected 16 to 512, got {resolution}")
    arch, theta = network_of(network, space, device)
    made = network_mesh(arch, theta, resolution)
    save_mesh(made, output)
    figures = {"vertices": len(made.vertices), "faces": len(made.faces), "volume": round(float(made.volume), 5)}
    say({"mesh": str(output), **figures})


def compare(
    a: Annotated[Path, typer.Argument(help="A checkpoint of an SDF network.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    resolution: int = 64,
) -> None:
    """IoU, Chamfer distance and F-score of two SDF networks' solids."""
    from dataclasses import asdict

    from netspace.checkpoint import read_network
    from netspace.compare import likeness
    from netspace.mesh import network_grid

    (arch_a, theta_a), (arch_b, theta_b) = read_network(a), read_network(b)
    like = likeness(network_grid(arch_a, theta_a, resolution), network_grid(arch_b, theta_b, resolution))
    say({name: round(value, 4) for name, value in asdict(like).items()})
