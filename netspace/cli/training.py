"""netspace train."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspace.cli.console import console, say, stages_bar
from netspace.cli.options import Device, ImageFolder
from netspace.cli.sources import pixels, read_json
from netspace.runtime import pick_device

if TYPE_CHECKING:
    from netspace.train import Progress, Run


def train(
    config: Annotated[Path, typer.Argument(help="JSON of the space, objective and schedule.")],
    zoo: Annotated[Path, typer.Option(help="Folder of the zoo.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the run; training continues what is there.")
    ],
    images: ImageFolder = None,
    workers: int = os.cpu_count() or 1,
    fast: Annotated[bool, typer.Option(help="Compiled step, with bfloat16 products where they are native.")] = True,
    device: Device = "auto",
) -> None:
    """Trains a space on a zoo. Under torchrun, one process a GPU."""
    from netspace.data.images import load_images
    from netspace.train import Run, TrainConfig, join_group
    from netspace.zoo import Zoo

    chosen = join_group(pick_device(device))
    settings = TrainConfig.from_json(read_json(config))
    data = None if images is None else load_images(images, pixels(settings.space))
    with stages_bar("preparing") as show:
        run = Run(output, settings, Zoo.open(zoo), chosen, fast, workers, data, show)
    progress = _told(run)
    if run.rank == 0:
        minutes = round(progress.seconds / 60, 1)
        say({"run": str(output), "steps": progress.step, "minutes": minutes, "best": progress.best})


def _told(run: "Run") -> "Progress":
    """Trains; the first process tells on standard error and to TensorBoard how it goes."""
    from torch.utils.tensorboard import SummaryWriter

    from netspace.train import train as run_training

    if run.rank != 0:
        return run_training(run, lambda *_: None)
    writer = SummaryWriter(str(run.folder / "tensorboard"))

    def report(progress: "Progress", share: float, figures: dict[str, float]) -> None:
        text = "  ".join(f"{name} {value:.5f}" for name, value in figures.items())
        console.print(f"{share:6.1%}  step {progress.step}  {progress.seconds:.0f} s  {text}", highlight=False)
        for name, value in figures.items():
            writer.add_scalar(name, value, progress.step)

    progress = run_training(run, report)
    writer.close()
    return progress
