"""netspace optimize: the latent that does what is wanted."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer
from torch import Tensor

from netspace.cli.console import say, stages_bar
from netspace.cli.options import DEFAULT_SPACE, SOURCE, Device, ImageFolder, SpaceFolder, TrainingPool
from netspace.cli.sources import input_network, open_gallery, open_images, open_space
from netspace.cli.sources import latent as latent_of
from netspace.errors import NetSpaceError

if TYPE_CHECKING:
    from netspace.attributes import Target
    from netspace.data.clouds import Cloud
    from netspace.data.images import ImageData
    from netspace.distill import Distill, DistillConfig
    from netspace.lso import LatentObjective, LsoConfig, State
    from netspace.prior import Prior
    from netspace.spaces import Space

optimize_app = typer.Typer(no_args_is_help=True, help="Search a space for the latent that does what is wanted.")

Start = Annotated[str | None, typer.Option(help=SOURCE)]
BestOf = Annotated[int, typer.Option(help="Without a start: the best of so many gallery latents.")]
LatentFile = Annotated[Path, typer.Option("--output", "-o", help="Where the latent goes (.safetensors).")]
Steps = Annotated[int, typer.Option(help="Steps at most.")]
Rate = Annotated[float, typer.Option(help="Adam's learning rate.")]
PriorWeight = Annotated[float, typer.Option(help="Weight of staying where the space's networks live.")]
Patience = Annotated[int, typer.Option(help="Ends after so many steps without a better latent.")]
Seed = Annotated[int, typer.Option(help="Of what is drawn at random; the same seed, the same latent.")]
Show = Callable[[str, int, int], None]


def _descend(
    objective: "LatentObjective", prior: "Prior", config: "LsoConfig", state: "State", show: Show, kept: Path | None
) -> "State":
    """The end of the search. What is needed to go on lies in the file `kept`, if one is named."""
    from netspace.files import atomic_path
    from netspace.lso import optimise

    for update in optimise(objective, prior, config, state):
        state = update.state
        show(objective.kind, int(state.step), config.steps)
        if kept is not None and update.value is not None:
            with atomic_path(kept) as temporary:
                temporary.write_bytes(state.to_bytes())
    return state


def _write_latent(z: Tensor, path: Path) -> None:
    from safetensors.torch import save_file

    from netspace.files import atomic_path

    with atomic_path(path) as temporary:
        save_file({"z": z.cpu().contiguous()}, temporary)


def _search(
    space: "Space",
    folder: Path,
    objective: "LatentObjective",
    config: "LsoConfig",
    start: Tensor | None,
    best_of: int,
    output: Path,
) -> None:
    """Optimises, writes the best latent and says what it has reached."""
    from netspace.familiarity import prior_of
    from netspace.lso import begin

    gallery = open_gallery(folder)
    latents = space.without_details(gallery.codes)
    order = torch.randperm(len(latents), generator=torch.Generator().manual_seed(config.seed))
    candidates = latents[order[:best_of]] if start is None else start[None]
    prior = prior_of(folder, gallery.codes).to(space.device)
    state = begin(objective, prior, config, candidates.to(space.device))
    before = float(state.best_value)
    with stages_bar(objective.kind) as show:
        state = _descend(objective, prior, config, state, show, None)
    _write_latent(state.best, output)
    figures = {"steps": int(state.step), "start": round(before, 6), "best": round(float(state.best_value), 6)}
    say({"latent": str(output), **figures, "verdict": objective.verdict(state.best)})


@optimize_app.command("fit-points")
def fit_points(
    points: Annotated[Path, typer.Argument(help="A mesh, or points as ply, xyz, csv or npy.")],
    output: LatentFile,
    start: Start = None,
    best_of: BestOf = 64,
    complete: Annotated[bool, typer.Option(help="The whole surface was seen: there is none elsewhere.")] = True,
    normalise: Annotated[bool, typer.Option(help="Centre and scale the points into the cube.")] = False,
    steps: Steps = 400,
    lr: Rate = 0.1,
    prior: PriorWeight = 1e-2,
    patience: Patience = 100,
    seed: Seed = 0,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Finds the latent whose surface passes through points."""
    from netspace.lso import LsoConfig
    from netspace.point_fit import Evidence, FitPoints, PointsConfig, with_details

    config = LsoConfig(steps=steps, lr=lr, prior=prior, patience=patience, seed=seed)
    known = PointsConfig(complete=complete, seed=seed)
    config = with_details(config, known)
    cloud = _cloud(points)
    opened = open_space(space, device)
    evidence = Evidence.of(cloud.normalised() if normalise else cloud, known).to(opened.device)
    here = None if start is None else latent_of(opened, space, start)
    _search(opened, space, FitPoints(opened, evidence, known), config, here, best_of, output)


def _cloud(path: Path) -> "Cloud":
    from netspace.data.clouds import read_cloud

    try:
        return read_cloud(path.read_bytes())
    except OSError as error:
        raise NetSpaceError(f"{path}: expected a readable file ({error})") from error


@optimize_app.command("attributes")
def attributes(
    output: LatentFile,
    set_to: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, e.g. volume=0.4.")] = None,
    change: Annotated[list[str] | None, typer.Option("--change", help="NAME=DIFFERENCE from the start.")] = None,
    start: Start = None,
    best_of: BestOf = 64,
    stay: Annotated[float, typer.Option(help="Weight of the distance from the start.")] = 0.1,
    steps: Steps = 400,
    lr: Rate = 0.1,
    prior: PriorWeight = 1e-2,
    patience: Patience = 100,
    seed: Seed = 0,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Finds the latent near the start whose shape has wanted properties: volume, or what the gallery predicts."""
    from netspace.attributes import Attributes
    from netspace.directions import regressions
    from netspace.familiarity import prior_of
    from netspace.lso import LsoConfig

    config = LsoConfig(steps=steps, lr=lr, prior=prior, patience=patience, seed=seed)
    targets = _targets(set_to or [], change or [])
    opened, gallery = open_space(space, device), open_gallery(space)
    here = None if start is None else latent_of(opened, space, start).to(opened.device)
    where = prior_of(space, gallery.codes).to(opened.device)
    objective = Attributes.of(opened, regressions(gallery), targets, where, here, stay, seed)
    _search(opened, space, objective, config, here, best_of, output)


def _targets(values: list[str], changes: list[str]) -> "dict[str, Target]":
    """NAME=NUMBER of --set and --change."""
    from netspace.attributes import Target

    targets = {}
    for option, given in (("to", values), ("by", changes)):
        for text in given:
            name, _, number = text.partition("=")
            try:
                targets[name] = Target(**{option: float(number)})
            except ValueError as error:
                raise NetSpaceError(f"expected NAME=NUMBER, got {text!r}") from error
    return targets


@optimize_app.command("distill")
def distill(
    network: Annotated[str, typer.Argument(help="A latent file, a gallery id or a checkpoint of a classifier.")],
    output: LatentFile,
    space: SpaceFolder,
    teacher: Annotated[Path, typer.Option(help="Zoo whose best network is the teacher.")],
    images: ImageFolder = None,
    steps: Steps = 100,
    lr: Rate = 0.05,
    batch: Annotated[int, typer.Option(help="Images a step.")] = 256,
    class_id: Annotated[float, typer.Option(help="Weight of staying the same architecture.")] = 1.0,
    validation: Annotated[
        int, typer.Option(help="Validation images that latents are compared by; 0 takes all.")
    ] = 2000,
    pool: TrainingPool = 0,
    patience: Patience = 100,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Finds the latent near a classifier's whose network answers as a teacher does; tests it once, at the end.

    State is kept beside the output: interrupted, it continues.
    """
    from netspace.distill import DistillConfig
    from netspace.lso import LsoConfig

    config = LsoConfig(steps=steps, lr=lr, prior=0.0, patience=patience, seed=seed)
    settings = DistillConfig(images=batch, class_id=class_id, seed=seed)
    opened = _open_classifiers(space, device)
    start = latent_of(opened, space, network).to(opened.device)
    data = open_images(images, opened)
    kept = _state_file(output, config, settings, teacher, validation, pool, start.tolist())
    with stages_bar("distill") as show:
        objective = _teaching(opened, start, data, teacher, pool, validation, settings, show)
        best = _taught(objective, config, start, kept, show)
    _write_latent(best, output)
    figures = _test_accuracies(objective, space, network, start, best, data)
    kept.unlink(missing_ok=True)
    found = {"latent": str(output), "architecture": objective.arch.name, "test_accuracy": figures}
    say({**found, "verdict": objective.verdict(best)})


def _open_classifiers(folder: Path, device: str) -> "Space":
    space = open_space(folder, device)
    if space.config.task != "classifier":
        raise NetSpaceError(
            f"{folder}: distill searches spaces of classifiers, this one is of {space.config.task} networks"
        )
    return space


def _state_file(output: Path, *settings: object) -> Path:
    """Another one for other settings."""
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:12]
    return output.with_name(f".{output.name}.{digest}.state")


def _teaching(
    space: "Space",
    start: Tensor,
    data: "ImageData",
    teacher: Path,
    pool: int,
    validation: int,
    settings: "DistillConfig",
    show: Show,
) -> "Distill":
    """The objective on the first `pool` training images, of the architecture that `start` [D] is decoded to."""
    from netspace.classifier_task import teacher_answers
    from netspace.distill import Distill
    from netspace.evaluate_classifiers import sample

    ((arch, _),) = space.networks(space.decode(start[None]))
    training = data.train.select(slice(pool or None))
    answers = teacher_answers(teacher, training, space.device, False, show)[0]
    return Distill(space, arch, training, answers, sample(data.val, validation), settings)


def _taught(objective: "Distill", config: "LsoConfig", start: Tensor, kept: Path, show: Show) -> Tensor:
    """The best latent [D]; goes on from the state in the file `kept`, if there is one."""
    from netspace.lso import begin
    from netspace.prior import Prior

    prior = Prior.flat(objective.space.code).to(start.device)
    state = _kept_state(kept, start.device) or begin(objective, prior, config, start[None])
    return _descend(objective, prior, config, state, show, kept).best


def _kept_state(path: Path, device: torch.device) -> "State | None":
    """The state of an interrupted search, if there is one."""
    from safetensors import SafetensorError

    from netspace.lso import State

    try:
        return State.from_bytes(path.read_bytes()).to(device)
    except (OSError, SafetensorError, TypeError):
        return None


def _test_accuracies(
    objective: "Distill", folder: Path, network: str, start: Tensor, best: Tensor, data: "ImageData"
) -> dict[str, float]:
    """On all test images: of the network that was given, if there is one, and as decoded before and after."""
    from netspace.classify import accuracy, predictions

    figures = {}
    if (given := input_network(folder, network)) is not None:
        arch, theta = given
        figures["input"] = accuracy(predictions(arch, theta.to(start.device), data.test), data.test)
    figures["decoded"] = objective.accuracy(start, data.test)
    figures["optimised"] = objective.accuracy(best, data.test)
    return {name: round(value, 4) for name, value in figures.items()}
