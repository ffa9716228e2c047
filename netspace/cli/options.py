"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

SOURCE = (
    "A latent file, a gallery id, a checkpoint, or a place such as chair-00020:0.3,chair-00048:0.7,~seat_height:0.1 "
    "(`netspace directions` lists what follows a ~)."
)
DEFAULT_SPACE = Path("checkpoints/chairs")

SpaceFolder = Annotated[Path, typer.Option("--space", "-s", help="Folder of the space.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
NetworkFile = Annotated[Path, typer.Option("--output", "-o", help="Where the network goes: .pt or .safetensors.")]
ImageFolder = Annotated[
    Path | None, typer.Option("--images", help="Folder of images, for classifiers: train/<class>/*, test/<class>/*.")
]
TrainingPool = Annotated[
    int, typer.Option("--pool", help="Only the first so many training images for searches; 0 takes all.")
]
