"""netspace evaluate, publish and results: what a trained space is worth."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspace.cli.console import say, stages_bar
from netspace.cli.options import Device, ImageFolder, TrainingPool
from netspace.cli.sources import open_images, open_space, read_json

if TYPE_CHECKING:
    from netspace.data.images import ImageData
    from netspace.evaluate import EvaluateConfig
    from netspace.evaluate_classifiers import ClassifierEvaluateConfig
    from netspace.spaces import Space

TeacherFolder = Annotated[Path | None, typer.Option("--teacher", help="Zoo whose best network is the teacher.")]


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
    pool: TrainingPool = 0,
    test_images: Annotated[int, typer.Option(help="About so many test images; 0 takes all.")] = 0,
    workers: int = os.cpu_count() or 1,
    device: Device = "auto",
) -> None:
    """Writes report.json, a readable table and pictures: what the space makes of networks it has not seen."""
    opened = open_space(space, device)
    if opened.config.task == "classifier":
        config = _classifier_config(limit, test_images, pairs or 6, searches, search_steps)
        table = _evaluate_classifiers(opened, space, zoo, open_images(images, opened), teacher, pool, config)
    else:
        table = _evaluate_sdf(opened, space, zoo, _sdf_config(limit, pairs or 100, refine_steps), workers)
    (space / "report.md").write_text(table)
    print(table)


def _classifier_config(
    limit: int, images: int, pairs: int, searches: int, search_steps: int
) -> "ClassifierEvaluateConfig":
    from netspace.evaluate_classifiers import ClassifierEvaluateConfig
    from netspace.lso import LsoConfig

    lso = LsoConfig(steps=search_steps, lr=0.05, prior=0.0)
    return ClassifierEvaluateConfig(limit=limit, images=images, pairs=pairs, searches=searches, lso=lso)


def _evaluate_classifiers(
    space: "Space",
    folder: Path,
    zoo: Path,
    data: "ImageData",
    teacher: Path | None,
    pool: int,
    config: "ClassifierEvaluateConfig",
) -> str:
    """The table; report.json and a picture go into the folder."""
    from netspace.classifier_task import teacher_answers
    from netspace.evaluate_classifiers import evaluate_classifiers
    from netspace.report_classifiers import classifier_table, draw_report
    from netspace.zoo import Zoo

    data = replace(data, train=data.train.select(slice(pool or None)))
    unseen = _unseen(space, folder)
    with stages_bar("evaluating") as show:
        answers = None if teacher is None else teacher_answers(teacher, data.train, space.device, False, show)[0]
        report = evaluate_classifiers(space, Zoo.open(zoo), data, answers, config, folder, show, unseen)
    draw_report(report, folder / "pictures" / "report.png")
    return classifier_table(report)


def _unseen(space: "Space", folder: Path) -> list[str]:
    """Names of the architectures whose networks a run was not trained on."""
    config = read_json(folder / "train.json") if (folder / "train.json").exists() else {}
    return [space.architectures[i].name for i in config.get("unseen", [])]


def _sdf_config(limit: int, pairs: int, refine_steps: int | None) -> "EvaluateConfig":
    from netspace.embedding import RefineConfig
    from netspace.evaluate import EvaluateConfig

    refine = RefineConfig() if refine_steps is None else RefineConfig(steps=refine_steps)
    return EvaluateConfig(limit=limit, pairs=pairs, refine=refine)


def _evaluate_sdf(space: "Space", folder: Path, zoo: Path, config: "EvaluateConfig", workers: int) -> str:
    """The table; report.json and pictures go into the folder."""
    from netspace.behaviours import sample_zoo
    from netspace.evaluate import evaluate as run_evaluation
    from netspace.fields import prepare
    from netspace.report import draw_report, table
    from netspace.zoo import Zoo

    networks = Zoo.open(zoo)
    for arch in {networks.arch, *space.architectures}:
        prepare(arch, space.device)
    with stages_bar("evaluating") as show:
        report = run_evaluation(space, networks, sample_zoo(networks, workers), config, folder, show)
    draw_report(space, networks, folder)
    return table(report)


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


def results(
    spaces: Annotated[list[Path], typer.Argument(help="Folders of evaluated spaces of classifiers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the pictures.")] = Path("docs/results"),
) -> None:
    """Draws what the paper's figures 3 and 5 and its table I show of classifiers, with tables, into one folder."""
    from netspace.report_classifiers import results as draw_results

    say({"written": [str(path) for path in draw_results(spaces, output)]})
