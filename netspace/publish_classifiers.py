"""From an evaluated run of classifiers to the folder that ships: no pictures of networks, but measured lines."""

from pathlib import Path

import torch

from netspace.files import atomic_path, write_json
from netspace.report_classifiers import classifier_table, draw_report, read_report
from netspace.spaces import Entry, Gallery, load_space, save_space
from netspace.spaces.gallery import AccuracyLine, Projection
from netspace.zoo import Zoo


def publish_classifiers(run: Path, zoo: Zoo, output: Path, entries: int, networks: int) -> dict:
    """Writes config, half-precision weights, report, picture and gallery; returns what it wrote.

    Raises BadSpace if the run has not been evaluated.
    """
    report, space = read_report(run), load_space(run)
    save_space(space, output, small=True)
    shipped = {**report, "networks": [{k: v for k, v in t.items() if k != "latent"} for t in report["networks"]]}
    write_json(output / "report.json", shipped)
    with atomic_path(output / "report.md") as temporary:
        temporary.write_text(classifier_table(report))
    draw_report(report, output / "pictures" / "report.png")
    twins = spread(report, entries)
    weights = {t["name"] for t in spread(report, networks)}
    gallery = gallery_of(zoo, report, twins, weights, output / "gallery")
    gallery.save({}, torch.float16)
    return {
        "output": str(output),
        "entries": len(gallery.entries),
        "networks": len(weights),
        "lines": len(gallery.lines),
    }


def spread(report: dict, count: int) -> list[dict]:
    """`count` of the report's networks: the ends of lines first, then the architectures in turns."""
    ends = [name for line in report["lines"] for name in (line["first"], line["last"])]
    turns: dict[str, int] = {}
    ranked = []
    for position, t in enumerate(report["networks"]):
        turns[t["architecture"]] = turns.get(t["architecture"], 0) + 1
        place = ends.index(t["name"]) // 2 if t["name"] in ends else len(ends)
        ranked.append((place, turns[t["architecture"]], position))
    return [report["networks"][position] for *_, position in sorted(ranked)[:count]]


def gallery_of(zoo: Zoo, report: dict, twins: list[dict], weights: set[str], folder: Path) -> Gallery:
    """Entries of the twins in the report's order; parameters of those named; the lines between entries that ship."""
    names = {t["name"] for t in twins}
    ordered = [t for t in report["networks"] if t["name"] in names]
    rows = {network.name: row for row, network in enumerate(zoo.networks)}
    latents = torch.tensor([t["latent"] for t in ordered])
    projection = Projection.of(latents)
    archs = sorted({zoo.networks[rows[t["name"]]].arch for t in ordered}, key=lambda arch: arch.layout.size)
    made = []
    for t, (x, y) in zip(ordered, projection(latents).tolist(), strict=True):
        network = zoo.networks[rows[t["name"]]]
        known = {k: v for k, v in network.properties.items() if isinstance(v, (str, bool, int, float))}
        measured = {key: round(t[key], 4) for key in ("accuracy", "decoded_accuracy", "agreement")}
        made.append(
            Entry(
                id=network.name,
                name=f"{t['architecture']}, {100 * t['accuracy']:.1f}% right ({network.name})",
                source=network.source,
                split=network.split,
                position=(round(x, 5), round(y, 5)),
                properties={**known, "architecture": t["architecture"], **measured},
                agreement=round(t["agreement"], 4),
                architecture=archs.index(network.arch),
            )
        )
    theta = {name: zoo.theta([rows[name]])[0] for name in sorted(weights & names)}
    lines = tuple(accuracy_line(line, report) for line in report["lines"] if {line["first"], line["last"]} <= names)
    return Gallery(tuple(made), latents, projection, theta, tuple(archs), folder, lines)


def accuracy_line(line: dict, report: dict) -> AccuracyLine:
    probabilities = line.get("probabilities", [[1.0]] * len(line["ts"]))
    return AccuracyLine(
        first=line["first"],
        last=line["last"],
        images=min(report["images"], report["config"]["line_images"] or report["images"]),
        ts=tuple(line["ts"]),
        accuracy=tuple(round(value, 4) for value in line["accuracy"]),
        probabilities=tuple(tuple(round(p, 4) for p in row) for row in probabilities),
        weights=tuple(round(v, 4) for v in line["weights"]) if line.get("weights") else None,
    )
