"""netspace fit, images and zoo: networks, and what they are trained on."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer

from netspace.cli.console import progress_bar, say
from netspace.cli.options import Device, NetworkFile
from netspace.cli.service import server_packages
from netspace.cli.sources import read_json
from netspace.errors import NetSpaceError
from netspace.runtime import pick_device

if TYPE_CHECKING:
    from netspace.data.shapes import Shape
    from netspace.zoo import Network

QUALITIES = ("fit_iou", "val_accuracy", "test_accuracy")

zoo_app = typer.Typer(no_args_is_help=True, help="Build and inspect zoos of trained networks.")


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError as error:
        raise NetSpaceError(f"--hidden: expected widths such as 256,256, got {text!r}") from error


def _shape(text: str) -> "Shape":
    """A shape's file, or the procedural chair of `chair:SEED`."""
    from netspace.data.sources import chair_of_seed, load_shape

    kind, _, seed = text.partition(":")
    if kind != "chair":
        return load_shape(Path(text))
    if not seed.isdecimal():
        raise NetSpaceError(f"expected chair:SEED with a number, got {text!r}")
    return chair_of_seed(int(seed))


def fit(
    shape: Annotated[str, typer.Argument(help="A mesh (obj, ply, stl, glb, off), a voxel grid (.npy) or chair:SEED.")],
    output: NetworkFile,
    steps: int = 2000,
    hidden: Annotated[str, typer.Option(help="Hidden widths, e.g. 256,256.")] = "256,256",
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Overfits one SIREN to a shape and says how well it fits."""
    from netspace.checkpoint import network_bytes
    from netspace.files import atomic_path
    from netspace.fit import FitConfig, pools
    from netspace.fit import fit as fit_networks
    from netspace.grids import iou, sparse_grid
    from netspace.mesh import network_grid

    kind = output.suffix.removeprefix(".")
    if kind not in ("pt", "safetensors"):
        raise NetSpaceError(f"{output}: expected a name ending in .pt or .safetensors")
    config = FitConfig(steps=steps, hidden=_widths(hidden), pool=max(64_000, 32 * steps))
    arch, target = config.arch, _shape(shape)
    generator = torch.Generator().manual_seed(seed)
    points, sdf = (x.to(pick_device(device)) for x in pools([target], config.pool, generator))
    with progress_bar(f"fitting {shape}") as show:
        theta = fit_networks(points, sdf, config, generator, lambda step, _: show(step, steps))[0]
    reached = iou(network_grid(arch, theta, 64).occupied().cpu(), sparse_grid(target.sdf, 64).occupied())
    with atomic_path(output) as temporary:
        temporary.write_bytes(network_bytes(arch, theta, kind))
    say({"network": str(output), "architecture": arch.name, "iou": round(reached, 4)})


def images(
    folder: Annotated[Path, typer.Argument(help="train/<class>/* and test/<class>/*, Tiny-ImageNet-200, or CIFAR-10.")],
    download: Annotated[str | None, typer.Option(help="cifar10: get it, by torchvision, if it is not there.")] = None,
    size: Annotated[int, typer.Option(help="Pixels a side: 32 or 64.")] = 32,
) -> None:
    """Makes a set of images ready, so that opening it again takes no time, and says what it holds."""
    from netspace.data.images import download_cifar10, load_images

    if download not in (None, "cifar10"):
        raise NetSpaceError(f"--download: expected cifar10, got {download!r}")
    if download:
        download_cifar10(folder)
    with progress_bar("reading images") as show:
        data = load_images(folder, size, show)
    counts = {split: len(getattr(data, split)) for split in ("train", "val", "test")}
    say({"images": str(folder), "size": data.size, "classes": len(data.classes), **counts})


@zoo_app.command("build")
def build(
    zoo: Annotated[Path, typer.Argument(help="Folder of the zoo.")],
    config: Annotated[Path | None, typer.Option(help="JSON of what the zoo is made of; needed to start one.")] = None,
    shard: Annotated[str, typer.Option(help="i/N: build every N-th shard from i on, for N machines.")] = "0/1",
    queue: Annotated[bool, typer.Option(help="By the service's workers (NETSPACE_DATABASE_URL), not here.")] = False,
    workers: int = os.cpu_count() or 1,
    device: Device = "auto",
) -> None:
    """Trains the zoo's networks; interrupted, it continues and loses at most the shards in hand."""
    from netspace.zoo import build_zoo, config_from_json, start_zoo

    if config is not None:
        start_zoo(zoo, config_from_json(read_json(config)))
    part, parts = _part(shard)
    chosen = str(pick_device(device))
    with progress_bar("shards") as show:
        if queue:
            with server_packages():
                from server.jobs.zoo import build_on_queue
                from server.settings import Settings
            build_on_queue(zoo, Settings().database_url, part, parts, show)
        else:
            build_zoo(zoo, part, parts, 1 if chosen != "cpu" else workers, chosen, show)
    info(zoo)


def _part(shard: str) -> tuple[int, int]:
    """(i, N) of i/N."""
    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise NetSpaceError(f"--shard: expected i/N, got {shard!r}")
    return int(part), int(parts)


@zoo_app.command("info")
def info(zoo: Path) -> None:
    """Counts and mean quality by source (of classifiers: architecture) and split."""
    from netspace.zoo import Zoo

    opened = Zoo.open(zoo)
    groups: dict[str, list[Network]] = {}
    for network in opened.networks:
        groups.setdefault(f"{network.source}/{network.split}", []).append(network)
    names = ", ".join(arch.name for arch in opened.architectures)
    figures = {name: _figures(networks) for name, networks in sorted(groups.items())}
    say({"architecture": names, "networks": len(opened.networks), "groups": figures})


def _figures(networks: "list[Network]") -> dict[str, float]:
    figures: dict[str, float] = {"networks": len(networks)}
    for quality in QUALITIES:
        if values := [n.properties[quality] for n in networks if quality in n.properties]:
            figures[quality] = round(sum(values) / len(values), 4)
    return figures
