"""netspace: the library's operations on the command line."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from netspace import __version__
from netspace.errors import NetSpaceError
from netspace.runtime import keep_freed_memory, pick_device

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Learn, serve and explore the space of trained networks."
)
zoo_app = typer.Typer(no_args_is_help=True, help="Build and inspect zoos of trained networks.")
app.add_typer(zoo_app, name="zoo")
optimize_app = typer.Typer(no_args_is_help=True, help="Search a space for the latent that does what is wanted.")
app.add_typer(optimize_app, name="optimize")
console = Console(stderr=True)

SpaceFolder = Annotated[Path, typer.Option("--space", "-s", help="Folder of the space.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
DEFAULT_SPACE = Path("checkpoints/chairs")
CHECKPOINTS = (".pt", ".pth", ".safetensors")
SOURCE = (
    "A latent file, a gallery id, a checkpoint, or a place such as chair-00020:0.3,chair-00048:0.7,~seat_height:0.1 "
    "(`netspace directions` lists what follows a ~)."
)
ImageFolder = Annotated[
    Path | None, typer.Option("--images", help="Folder of images, for classifiers: train/<class>/*, test/<class>/*.")
]
TeacherFolder = Annotated[Path | None, typer.Option("--teacher", help="Zoo whose best network is the teacher.")]


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar fed by calls of (done, total)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(label, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield show


def say(data: dict) -> None:
    """The command's result, as JSON on standard output."""
    print(json.dumps(data, indent=2))


def _load_target(path: Path) -> "tuple":
    from netspace.checkpoint import read_network

    return read_network(path)


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


def _latent(space, folder: Path, source: str) -> torch.Tensor:  # type: ignore[no-untyped-def]
    """A latent file (.safetensors with `z`), a gallery id, a checkpoint to embed, or a place made of these."""
    from netspace.places import is_place

    path = Path(source)
    if not path.exists() and is_place(source):
        return _place(space, folder, source)
    return _one_latent(space, folder, path)


def _place(space, folder: Path, text: str) -> torch.Tensor:  # type: ignore[no-untyped-def]
    from netspace.directions import directions
    from netspace.places import Place
    from netspace.spaces import Gallery

    place = Place.parse(text, "place")
    latents = place.look_up(lambda name: _one_latent(space, folder, Path(name)))
    return place.at(latents, directions(Gallery.open(folder / "gallery")))


def _one_latent(space, folder: Path, path: Path) -> torch.Tensor:  # type: ignore[no-untyped-def]
    from safetensors.torch import load_file

    from netspace.embedding import embed

    if path.exists() and _is_latent(path):
        return load_file(path)["z"].float()
    if not path.exists():
        from netspace.spaces import Gallery

        return Gallery.open(folder / "gallery").latent(str(path))
    return embed(space, *_load_target(path)).z


def _open_space(folder: Path, device: str):  # type: ignore[no-untyped-def]
    from netspace.spaces import load_space

    return load_space(folder, pick_device(device))


def _images(folder: Path | None, space):  # type: ignore[no-untyped-def]
    """The images of a space of classifiers; raises BadImages where there are none."""
    from netspace.data.images import load_images
    from netspace.errors import BadImages

    if folder is None:
        raise BadImages("classifiers are measured on images: name their folder with --images")
    with progress_bar("reading images") as show:
        return load_images(folder, space.config.architectures[0].image_size, show)


def _widths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(width) for width in text.split(","))
    except ValueError as error:
        raise NetSpaceError(f"--hidden: expected widths such as 256,256, got {text!r}") from error


def _shape(text: str):  # type: ignore[no-untyped-def]
    """A shape's file, or the procedural chair of `chair:SEED`."""
    from netspace.data.sources import chair_of_seed, load_shape

    kind, _, seed = text.partition(":")
    if kind != "chair":
        return load_shape(Path(text))
    if not seed.isdecimal():
        raise NetSpaceError(f"expected chair:SEED with a number, got {text!r}")
    return chair_of_seed(int(seed))


@app.command()
def fit(
    shape: Annotated[str, typer.Argument(help="A mesh (obj, ply, stl, glb, off), a voxel grid (.npy) or chair:SEED.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the network goes: .pt or .safetensors.")],
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


@zoo_app.command("build")
def zoo_build(
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
        start_zoo(zoo, config_from_json(_read_json(config)))
    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise NetSpaceError(f"--shard: expected i/N, got {shard!r}")
    chosen = str(pick_device(device))
    if queue:
        _build_on_queue(zoo, int(part), int(parts))
        zoo_info(zoo)
        return
    with progress_bar("shards") as show:
        build_zoo(zoo, int(part), int(parts), 1 if chosen != "cpu" else workers, chosen, show)
    zoo_info(zoo)


def _build_on_queue(zoo: Path, part: int, parts: int) -> None:
    with _server_packages():
        from server.jobs.zoo import build_on_queue
        from server.settings import Settings
    with progress_bar("shards") as show:
        build_on_queue(zoo, Settings().database_url, part, parts, show)


@contextmanager
def _server_packages() -> Iterator[None]:
    """Raises NetSpaceError, and says what to install, for an import that fails."""
    try:
        yield
    except ImportError as error:
        raise NetSpaceError(
            f"the server's packages are not installed: pip install 'netspace[server]' ({error})"
        ) from error


QUALITIES = ("fit_iou", "val_accuracy", "test_accuracy")


@zoo_app.command("info")
def zoo_info(zoo: Path) -> None:
    """Counts and mean quality by source (of classifiers: architecture) and split."""
    from netspace.zoo import Network, Zoo

    opened = Zoo.open(zoo)
    groups: dict[str, list[Network]] = {}
    for network in opened.networks:
        groups.setdefault(f"{network.source}/{network.split}", []).append(network)
    figures: dict[str, dict] = {}
    for name, networks in sorted(groups.items()):
        figures[name] = {"networks": len(networks)}
        for quality in QUALITIES:
            if values := [n.properties[quality] for n in networks if quality in n.properties]:
                figures[name][quality] = round(sum(values) / len(values), 4)
    names = ", ".join(arch.name for arch in opened.architectures)
    say({"architecture": names, "networks": len(opened.networks), "groups": figures})


@app.command()
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


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise NetSpaceError(f"{path}: expected a JSON file ({error})") from error


@app.command()
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
    from torch.utils.tensorboard import SummaryWriter

    from netspace.data.images import load_images
    from netspace.train import Run, TrainConfig, join_group
    from netspace.train import train as run_training
    from netspace.zoo import Zoo

    chosen = join_group(pick_device(device))
    settings = TrainConfig.from_json(_read_json(config))
    data = None if images is None else load_images(images, _pixels(settings))
    with progress_bar("preparing") as show:
        run = Run(
            output, settings, Zoo.open(zoo), chosen, fast, workers, data, lambda _, done, total: show(done, total)
        )
    writer = SummaryWriter(str(output / "tensorboard")) if run.rank == 0 else None

    def report(progress, share: float, figures: dict[str, float]) -> None:  # type: ignore[no-untyped-def]
        text = "  ".join(f"{name} {value:.5f}" for name, value in figures.items())
        if writer is not None:
            console.print(f"{share:6.1%}  step {progress.step}  {progress.seconds:.0f} s  {text}", highlight=False)
            for name, value in figures.items():
                writer.add_scalar(name, value, progress.step)

    progress = run_training(run, report)
    if writer is not None:
        writer.close()
        say(
            {
                "run": str(output),
                "steps": progress.step,
                "minutes": round(progress.seconds / 60, 1),
                "best": progress.best,
            }
        )


def _pixels(settings) -> int:  # type: ignore[no-untyped-def]
    """Pixels a side of the images that the networks of a training config read."""
    return getattr(settings.space.architectures[0], "image_size", 32)


@app.command()
def evaluate(
    space: Annotated[Path, typer.Argument(help="Folder of the space.")],
    zoo: Annotated[Path, typer.Option(help="Zoo with the held-out networks.")],
    limit: Annotated[int, typer.Option(help="Only the first so many networks; 0 takes all.")] = 0,
    pairs: Annotated[int | None, typer.Option(help="Lines between pairs; 100, or 6 of classifiers.")] = None,
    refine_steps: Annotated[int | None, typer.Option(help="Steps on the latent.")] = None,
    images: ImageFolder = None,
    teacher: TeacherFolder = None,
    searches: Annotated[int, typer.Option(help="Classifiers of each architecture to optimise (needs --teacher).")] = 3,
    search_steps: Annotated[int, typer.Option(help="Steps of each such search.")] = 100,
    pool: Annotated[int, typer.Option(help="Only the first so many training images for searches; 0 takes all.")] = 0,
    test_images: Annotated[int, typer.Option(help="About so many test images; 0 takes all.")] = 0,
    workers: int = os.cpu_count() or 1,
    device: Device = "auto",
) -> None:
    """Writes report.json, a readable table and pictures: what the space makes of networks it has not seen."""
    opened = _open_space(space, device)
    if opened.config.task == "classifier":
        config = _classifier_settings(limit, test_images, pairs or 6, searches, search_steps)
        _evaluate_classifiers(opened, space, zoo, images, teacher, pool, config)
    else:
        _evaluate_sdf(opened, space, zoo, limit, pairs or 100, refine_steps, workers)


def _unseen(opened, space: Path) -> list[str]:  # type: ignore[no-untyped-def]
    """Names of the architectures whose networks a run was not trained on."""
    config = _read_json(space / "train.json") if (space / "train.json").exists() else {}
    return [opened.architectures[i].name for i in config.get("unseen", [])]


def _teacher_of_training(teacher: Path, images, opened, show):  # type: ignore[no-untyped-def]
    """The teacher's logits [N, C] on images as they are."""
    from netspace.classifier_task import teacher_answers

    return teacher_answers(teacher, images, opened.device, False, lambda _, done, total: show(done, total))[0]


def _classifier_settings(limit: int, images: int, pairs: int, searches: int, search_steps: int):  # type: ignore[no-untyped-def]
    from netspace.evaluate_classifiers import ClassifierEvaluateConfig
    from netspace.lso import LsoConfig

    lso = LsoConfig(steps=search_steps, lr=0.05, prior=0.0)
    return ClassifierEvaluateConfig(limit=limit, images=images, pairs=pairs, searches=searches, lso=lso)


def _evaluate_classifiers(opened, space, zoo, images, teacher, pool, config) -> None:  # type: ignore[no-untyped-def]
    from dataclasses import replace

    from netspace.evaluate_classifiers import evaluate_classifiers
    from netspace.report_classifiers import classifier_table, draw_report
    from netspace.zoo import Zoo

    data = _images(images, opened)
    with progress_bar("evaluating") as show:
        data = replace(data, train=data.train.select(slice(pool or None)))
        answers = None if teacher is None else _teacher_of_training(teacher, data.train, opened, show)
        report = evaluate_classifiers(
            opened,
            Zoo.open(zoo),
            data,
            answers,
            config,
            space,
            lambda _, done, total: show(done, total),
            _unseen(opened, space),
        )
    (space / "report.md").write_text(classifier_table(report))
    draw_report(report, space / "pictures" / "report.png")
    print(classifier_table(report))


def _evaluate_sdf(opened, space, zoo, limit, pairs, refine_steps, workers) -> None:  # type: ignore[no-untyped-def]
    from netspace.behaviours import sample_zoo
    from netspace.embedding import RefineConfig
    from netspace.evaluate import EvaluateConfig
    from netspace.evaluate import evaluate as run_evaluation
    from netspace.fields import prepare
    from netspace.report import draw_report, table
    from netspace.zoo import Zoo

    networks = Zoo.open(zoo)
    refinement = RefineConfig() if refine_steps is None else RefineConfig(steps=refine_steps)
    config = EvaluateConfig(limit=limit, pairs=pairs, refine=refinement)
    for arch in {networks.arch, *opened.architectures}:
        prepare(arch, opened.device)
    with progress_bar("evaluating") as show:
        report = run_evaluation(
            opened, networks, sample_zoo(networks, workers), config, space, lambda _, done, total: show(done, total)
        )
    (space / "report.md").write_text(table(report))
    draw_report(opened, networks, space)
    print(table(report))


@app.command()
def publish(
    run: Annotated[Path, typer.Argument(help="An evaluated run.")],
    zoo: Annotated[Path, typer.Option(help="The zoo it was evaluated on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to ship, e.g. checkpoints/chairs.")],
    entries: Annotated[int, typer.Option(help="Networks in the gallery.")] = 64,
    networks: Annotated[int, typer.Option(help="How many of them ship with their weights.")] = 16,
    baseline: Annotated[Path | None, typer.Option(help="Another evaluated run, to report beside it.")] = None,
) -> None:
    """Makes the folder that ships: half-precision weights, report, and a gallery of held-out networks."""
    from netspace.publish import publish as publish_space
    from netspace.publish_classifiers import publish_classifiers
    from netspace.spaces import load_space
    from netspace.zoo import Zoo

    opened = Zoo.open(zoo)
    if load_space(run).config.task == "classifier":
        say(publish_classifiers(run, opened, output, entries, networks))
    else:
        say(publish_space(run, opened, output, entries, networks, baseline))


@app.command()
def results(
    spaces: Annotated[list[Path], typer.Argument(help="Folders of evaluated spaces of classifiers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the pictures.")] = Path("docs/results"),
) -> None:
    """Draws what the paper's figures 3 and 5 and its table I show of classifiers, with tables, into one folder."""
    from netspace.report_classifiers import results as draw_results

    say({"written": [str(path) for path in draw_results(spaces, output)]})


def _familiarity(folder: Path):  # type: ignore[no-untyped-def]
    """Of the space's gallery, if it has one."""
    from netspace.familiarity import Familiarity
    from netspace.spaces import Gallery

    gallery = folder / "gallery"
    return Familiarity.of(Gallery.open(gallery).latents) if gallery.exists() else None


@app.command()
def embed(
    network: Annotated[Path, typer.Argument(help="A .pt or .safetensors checkpoint.")],
    space: SpaceFolder = DEFAULT_SPACE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the latent goes (.safetensors).")] = None,
    images: ImageFolder = None,
    device: Device = "auto",
) -> None:
    """Embeds a network and says how well the space represents it; classifiers are measured on test images, if given."""
    from safetensors.torch import save_file

    from netspace.embedding import embed as embed_network
    from netspace.files import atomic_path

    opened = _open_space(space, device)
    arch, theta = _load_target(network)
    test = None if images is None else _images(images, opened).test
    result = embed_network(opened, arch, theta, images=test, familiarity=_familiarity(space))
    if output is not None:
        with atomic_path(output) as temporary:
            save_file({"z": result.z.contiguous()}, temporary)
    say(
        {
            "architecture": arch.name,
            **{name: round(value, 4) for name, value in result.figures.items()},
            "represented": result.represented,
            "verdict": result.verdict,
        }
    )


@app.command()
def decode(
    latent: Annotated[str, typer.Argument(help=SOURCE)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the network goes: .pt or .safetensors.")],
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Decodes a latent to a ready-to-use network."""
    from netspace.checkpoint import network_bytes
    from netspace.files import atomic_path

    opened = _open_space(space, device)
    decoded = opened.decode(_latent(opened, space, latent)[None].to(opened.device))
    ((arch, theta),) = opened.networks(decoded)
    content = network_bytes(arch, theta, output.suffix.removeprefix("."))
    with atomic_path(output) as temporary:
        temporary.write_bytes(content)
    say({"network": str(output), "architecture": arch.name})


@app.command()
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
    opened = _open_space(space, device)
    ts = [i / (steps - 1) for i in range(steps)]
    networks = latent_networks(opened, _latent(opened, space, a), _latent(opened, space, b), ts)
    describe = _shapes(output if meshes else None) if opened.config.task == "sdf" else _classifiers(opened, images)
    output.mkdir(parents=True, exist_ok=True)
    points = []
    for i, (t, (arch, theta)) in enumerate(zip(ts, networks, strict=True)):
        (output / f"{i:03d}.pt").write_bytes(network_bytes(arch, theta))
        points.append({"t": t, **describe(i, arch, theta)})
    say({"architecture": networks[0][0].name, "points": points})


def _shapes(folder: Path | None) -> "Callable":
    """What SDF networks are; their meshes go into the folder, if one is given."""
    from dataclasses import asdict

    from netspace.lines import describe
    from netspace.mesh import network_mesh, save_mesh

    def about(number: int, arch, theta) -> dict:  # type: ignore[no-untyped-def]
        what = describe(arch, theta)
        if folder is not None and not what.empty:
            save_mesh(network_mesh(arch, theta), folder / f"{number:03d}.glb")
        return asdict(what)

    return about


def _classifiers(opened, images: Path | None) -> "Callable":  # type: ignore[no-untyped-def]
    """What classifiers are: their architecture, and on test images, if given, their accuracy."""
    from netspace.classify import accuracy, predictions

    test = None if images is None else _images(images, opened).test

    def about(_: int, arch, theta) -> dict:  # type: ignore[no-untyped-def]
        known = {} if test is None else {"accuracy": round(accuracy(predictions(arch, theta, test), test), 4)}
        return {"architecture": arch.name, **known}

    return about


Start = Annotated[str | None, typer.Option(help=SOURCE)]
BestOf = Annotated[int, typer.Option(help="Without a start: the best of so many gallery latents.")]
Latent = Annotated[Path, typer.Option("--output", "-o", help="Where the latent goes (.safetensors).")]


def _search(space, folder, objective, config, start, best_of, output) -> None:  # type: ignore[no-untyped-def]
    """Optimises, writes the best latent and says what it has reached."""
    from safetensors.torch import save_file

    from netspace.files import atomic_path
    from netspace.lso import Prior, begin, optimise
    from netspace.spaces import Gallery

    latents = Gallery.open(folder / "gallery").latents
    order = torch.randperm(len(latents), generator=torch.Generator().manual_seed(config.seed))
    candidates = latents[order[:best_of]] if start is None else start[None]
    prior = Prior.of(latents).to(space.device)
    state = begin(objective, prior, config, candidates.to(space.device))
    before = float(state.best_value)
    with progress_bar(objective.kind) as show:
        for update in optimise(objective, prior, config, state):
            state = update.state
            show(int(state.step), config.steps)
    with atomic_path(output) as temporary:
        save_file({"z": state.best.cpu().contiguous()}, temporary)
    figures = {"steps": int(state.step), "start": round(before, 6), "best": round(float(state.best_value), 6)}
    say({"latent": str(output), **figures, "verdict": objective.verdict(state.best)})


@optimize_app.command("fit-points")
def optimize_points(
    points: Annotated[Path, typer.Argument(help="A mesh, or points as ply, xyz, csv or npy.")],
    output: Latent,
    start: Start = None,
    best_of: BestOf = 32,
    complete: Annotated[bool, typer.Option(help="The whole surface was seen: there is none elsewhere.")] = True,
    normalise: Annotated[bool, typer.Option(help="Centre and scale the points into the cube.")] = False,
    steps: int = 400,
    lr: float = 0.1,
    prior: float = 1e-3,
    patience: int = 100,
    seed: int = 0,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Finds the latent whose surface passes through points."""
    from netspace.data.clouds import read_cloud
    from netspace.lso import LsoConfig
    from netspace.point_fit import Evidence, FitPoints, PointsConfig

    config = LsoConfig(steps=steps, lr=lr, prior=prior, patience=patience, seed=seed)
    known = PointsConfig(complete=complete, seed=seed)
    try:
        cloud = read_cloud(points.read_bytes())
    except OSError as error:
        raise NetSpaceError(f"{points}: expected a readable file ({error})") from error
    opened = _open_space(space, device)
    evidence = Evidence.of(cloud.normalised() if normalise else cloud, known).to(opened.device)
    here = None if start is None else _latent(opened, space, start)
    _search(opened, space, FitPoints(opened, evidence, known), config, here, best_of, output)


def _targets(values: list[str], changes: list[str]):  # type: ignore[no-untyped-def]
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


@optimize_app.command("attributes")
def optimize_attributes(
    output: Latent,
    set_to: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, e.g. volume=0.4.")] = None,
    change: Annotated[list[str] | None, typer.Option("--change", help="NAME=DIFFERENCE from the start.")] = None,
    start: Start = None,
    best_of: BestOf = 32,
    stay: Annotated[float, typer.Option(help="Weight of the distance from the start.")] = 0.1,
    steps: int = 400,
    lr: float = 0.1,
    prior: float = 1e-3,
    patience: int = 100,
    seed: int = 0,
    space: SpaceFolder = DEFAULT_SPACE,
    device: Device = "auto",
) -> None:
    """Finds the latent near the start whose shape has wanted properties: volume, or what the gallery predicts."""
    from netspace.attributes import Attributes
    from netspace.directions import regressions
    from netspace.lso import LsoConfig, Prior
    from netspace.spaces import Gallery

    config = LsoConfig(steps=steps, lr=lr, prior=prior, patience=patience, seed=seed)
    targets = _targets(set_to or [], change or [])
    opened, gallery = _open_space(space, device), Gallery.open(space / "gallery")
    here = None if start is None else _latent(opened, space, start).to(opened.device)
    where = Prior.of(gallery.latents).to(opened.device)
    objective = Attributes.of(opened, regressions(gallery), targets, where, here, stay, seed)
    _search(opened, space, objective, config, here, best_of, output)


def _network(source: str, folder: Path, device: str):  # type: ignore[no-untyped-def]
    """(architecture, theta [P]): a checkpoint as it is, anything else decoded by the space."""
    from netspace.lines import latent_networks

    path = Path(source)
    if not _is_latent(path) if path.exists() else path.suffix in CHECKPOINTS:
        arch, theta = _load_target(path)
        return arch, theta.to(pick_device(device))
    opened = _open_space(folder, device)
    z = _latent(opened, folder, source)
    return latent_networks(opened, z, z, [0.0])[0]


@app.command()
def directions(space: SpaceFolder = DEFAULT_SPACE) -> None:
    """Lists what latents can be moved along, each with what it is worth (R^2 on networks that were left out)."""
    from netspace.directions import directions as directions_of
    from netspace.spaces import Gallery

    found = directions_of(Gallery.open(space / "gallery")).values()
    names = ("name", "title", "kind", "r2", "low", "high", "unit", "deviation")
    say({"directions": [{name: _rounded(getattr(one, name)) for name in names} for one in found]})


def _rounded(value: str | float) -> str | float:
    return value if isinstance(value, str) else round(value, 4)


@optimize_app.command("distill")
def optimize_distill(
    network: Annotated[str, typer.Argument(help="A latent file, a gallery id or a checkpoint of a classifier.")],
    output: Latent,
    space: SpaceFolder,
    teacher: Annotated[Path, typer.Option(help="Zoo whose best network is the teacher.")],
    images: ImageFolder = None,
    steps: int = 100,
    lr: float = 0.05,
    batch: Annotated[int, typer.Option(help="Images a step.")] = 256,
    class_id: Annotated[float, typer.Option(help="Weight of staying the same architecture.")] = 1.0,
    validation: Annotated[
        int, typer.Option(help="Validation images that latents are compared by; 0 takes all.")
    ] = 2000,
    pool: Annotated[int, typer.Option(help="Only the first so many training images; 0 takes all.")] = 0,
    patience: int = 100,
    seed: int = 0,
    device: Device = "auto",
) -> None:
    """Finds the latent near a classifier's whose network answers as a teacher does; tests it once, at the end.

    State is kept beside the output: interrupted, it continues.
    """
    from safetensors.torch import save_file

    from netspace.classify import accuracy, predictions
    from netspace.distill import Distill, DistillConfig
    from netspace.evaluate_classifiers import sample
    from netspace.files import atomic_path
    from netspace.lso import LsoConfig, Prior, begin, optimise

    config = LsoConfig(steps=steps, lr=lr, prior=0.0, patience=patience, seed=seed)
    settings = DistillConfig(images=batch, class_id=class_id, seed=seed)
    opened = _open_space(space, device)
    if opened.config.task != "classifier":
        raise NetSpaceError(
            f"{space}: distill searches spaces of classifiers, this one is of {opened.config.task} networks"
        )
    start = _latent(opened, space, network).to(opened.device)
    data = _images(images, opened)
    ((arch, _),) = opened.networks(opened.decode(start[None]))
    with progress_bar("distill") as show:
        training = data.train.select(slice(pool or None))
        answers = _teacher_of_training(teacher, training, opened, show)
        objective = Distill(opened, arch, training, answers, sample(data.val, validation), settings)
        digest = hashlib.sha256(repr((config, settings, teacher, validation, start.tolist())).encode()).hexdigest()[:12]
        state_file = output.with_name(f".{output.name}.{digest}.state")
        prior = Prior.of(torch.stack([start, start + 1]))
        state = _kept_state(state_file, opened.device) or begin(objective, prior, config, start[None])
        for update in optimise(objective, prior, config, state):
            state = update.state
            show(int(state.step), config.steps)
            if update.value is not None:
                with atomic_path(state_file) as temporary:
                    temporary.write_bytes(state.to_bytes())
    with atomic_path(output) as temporary:
        save_file({"z": state.best.cpu().contiguous()}, temporary)
    figures = {"decoded": objective.accuracy(start, data.test), "optimised": objective.accuracy(state.best, data.test)}
    given = _input_of(space, network)
    if given is not None:
        figures = {
            "input": accuracy(predictions(given[0], given[1].to(opened.device), data.test), data.test),
            **figures,
        }
    state_file.unlink(missing_ok=True)
    figures = {name: round(value, 4) for name, value in figures.items()}
    say(
        {
            "latent": str(output),
            "architecture": arch.name,
            "test_accuracy": figures,
            "verdict": objective.verdict(state.best),
        }
    )


def _kept_state(path: Path, device: torch.device):  # type: ignore[no-untyped-def]
    """The state of an interrupted search, if there is one."""
    from safetensors import SafetensorError

    from netspace.lso import State

    try:
        return State.from_bytes(path.read_bytes()).to(device)
    except (OSError, SafetensorError, TypeError):
        return None


def _input_of(folder: Path, source: str):  # type: ignore[no-untyped-def]
    """(architecture, theta) behind what `_latent` takes, or None where there is only a latent."""
    if Path(source).exists():
        return None if _is_latent(Path(source)) else _load_target(Path(source))
    from netspace.spaces import Gallery

    return Gallery.open(folder / "gallery").network(source)


@app.command()
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
    arch, theta = _network(network, space, device)
    made = network_mesh(arch, theta, resolution)
    save_mesh(made, output)
    say(
        {
            "mesh": str(output),
            "vertices": len(made.vertices),
            "faces": len(made.faces),
            "volume": round(float(made.volume), 5),
        }
    )


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A checkpoint of an SDF network.")],
    b: Annotated[Path, typer.Argument(help="Another one.")],
    resolution: int = 64,
) -> None:
    """IoU, Chamfer distance and F-score of two SDF networks' solids."""
    from dataclasses import asdict

    from netspace.compare import likeness
    from netspace.mesh import network_grid

    (arch_a, theta_a), (arch_b, theta_b) = _load_target(a), _load_target(b)
    like = likeness(network_grid(arch_a, theta_a, resolution), network_grid(arch_b, theta_b, resolution))
    say({name: round(value, 4) for name, value in asdict(like).items()})


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    spaces: Annotated[Path, typer.Option(help="Folder of spaces.")] = Path("checkpoints"),
    device: Device = "auto",
) -> None:
    """Serves the spaces and the page."""
    with _server_packages():
        from server.serve import serve as serve_spaces
    os.environ.update(NETSPACE_HOST=host, NETSPACE_PORT=str(port), NETSPACE_SPACES=str(spaces), NETSPACE_DEVICE=device)
    serve_spaces()


@app.command()
def version() -> None:
    """Prints the version."""
    print(__version__)


def main() -> None:
    """Entry point: errors a user can cause become one line and exit code 2."""
    keep_freed_memory()
    try:
        app()
    except NetSpaceError as error:
        console.print(f"[bold red]{error.title}.[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
