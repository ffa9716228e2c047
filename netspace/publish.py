"""From an evaluated run to the folder that ships."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file

from netspace.errors import BadSpace
from netspace.familiarity import Familiarity
from netspace.files import atomic_path, write_json
from netspace.report import DECODED, network_picture, png, table
from netspace.spaces import Entry, Gallery, Space, load_space, save_space
from netspace.spaces.gallery import Projection
from netspace.zoo import Zoo

SHIPPED_SOURCE = "procedural"
"""Only shapes of our own making ship: others train and test a space, but their licences stay with them."""


def _spread(names: list[tuple], count: int) -> list[int]:
    """`count` positions that take turns among the distinct names, in order."""
    turns: dict[tuple, int] = {}
    ranked = []
    for position, name in enumerate(names):
        turns[name] = turns.get(name, 0) + 1
        ranked.append((turns[name], position))
    return sorted(position for _, position in sorted(ranked)[:count])


def _title(name: str, properties: dict) -> str:
    """`Ladder back, sled base, arms (17)` for chair-00017."""
    arms = {"none": "", "bar": ", arms", "panel": ", side panels"}[properties["arms"]]
    return f"{properties['back'].capitalize()} back, {properties['base']} base{arms} ({int(name.split('-')[-1])})"


def _report(run: Path) -> dict:
    """Raises BadSpace if the run has not been evaluated."""
    try:
        return json.loads((run / "report.json").read_text())
    except OSError as error:
        raise BadSpace(f"{run}: not evaluated yet; run `netspace evaluate` on it first ({error})") from error


def publish(run: Path, zoo: Zoo, output: Path, entries: int, networks: int, baseline: Path | None = None) -> dict:
    """Writes config, half-precision weights, report, pictures and gallery; returns what it wrote.

    The report of another evaluated run, `baseline`, is kept beside its own, without its networks. Raises BadSpace if
    either run has not been evaluated.
    """
    report, kept = _report(run), load_file(run / "latents.safetensors")
    if baseline is not None:
        other = _report(baseline)
        title = load_space(baseline).config.title
        report["baseline"] = {"title": title, **{k: v for k, v in other.items() if k != "networks"}}
    space = load_space(run)
    save_space(space, output, small=True)
    known = Familiarity.open(run)
    if known is not None:
        known.save(output)
    write_json(output / "report.json", report)
    shutil.copytree(run / "pictures", output / "pictures", dirs_exist_ok=True)
    with atomic_path(output / "report.md") as temporary:
        temporary.write_text(table(report))
    return {"output": str(output), **_publish_gallery(space, zoo, report, kept, output, entries, networks)}


def _publish_gallery(
    space: Space, zoo: Zoo, report: dict, kept: dict, output: Path, entries: int, networks: int
) -> dict:
    rows = kept["rows"].tolist()
    ours = [p for p, row in enumerate(rows) if zoo.networks[row].source == SHIPPED_SOURCE]
    kinds = [tuple(zoo.networks[rows[p]].properties.get(k) for k in ("base", "back")) for p in ours]
    chosen = [ours[i] for i in _spread(kinds, entries)]
    z = kept["z"].half().float()  # as they ship
    projection = Projection.of(z)
    made, pictures, weights = [], {}, {}
    with_weights = set(_spread([kinds[ours.index(p)][:1] for p in chosen], networks))
    for i, position in enumerate(chosen):
        network, figures = zoo.networks[rows[position]], report["networks"][position]
        theta = zoo.theta([rows[position]])[0]
        x, y = projection(z[position]).tolist()
        made.append(
            Entry(
                id=network.name,
                name=_title(network.name, network.properties),
                source=network.source,
                split=network.split,
                iou=round(figures["iou"], 4),
                f_score=round(figures["f_score"], 4),
                position=(round(x, 5), round(y, 5)),
                properties=network.properties,
            )
        )
        pictures[network.name] = png(network_picture(zoo.arch, theta, DECODED, 192))
        if i in with_weights:
            weights[network.name] = theta
    code = space.code if space.details else None
    gallery = Gallery(tuple(made), z[chosen], projection, weights, (zoo.arch,), output / "gallery", code=code)
    gallery.save(pictures, torch.float16)
    return {"entries": len(made), "networks": len(weights)}
