"""The held-out report as a table and as pictures."""

import io
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from netspace.embedding import RESOLUTION
from netspace.errors import EmptyLevelSet
from netspace.files import atomic_path
from netspace.lines import latent_line, weight_line
from netspace.markdown import document, head, row, title
from netspace.mesh import network_mesh
from netspace.picture import picture, sheet
from netspace.spaces.space import Space
from netspace.zoo import Zoo

COLUMNS = (
    "networks",
    "encoder_iou",
    "iou",
    "iou_worst_tenth",
    "chamfer",
    "f_score",
    "one_part",
    "input_one_part",
    "nearest_iou",
)
HEADINGS = (
    "networks",
    "IoU encoded",
    "IoU refined",
    "worst tenth",
    "Chamfer",
    "F-score",
    "in one part",
    "input in one part",
    "nearest of zoo",
)
SHARES = ("non-empty", "one part", "98% in one part", "watertight", "parts")
INPUT, DECODED, RAW = (122, 158, 209), (214, 158, 96), (170, 170, 170)


def _row(label: str, values: list[float]) -> str:
    cells = [str(int(v)) if i == 0 else f"{v:.3f}" for i, v in enumerate(values)]
    return row(label, *cells)


def _share_row(label: str, s: dict[str, float]) -> str:
    keys = ("non_empty", "one_part", "nearly_one_part", "watertight")
    return row(label, *(f"{100 * s[k]:.0f}%" for k in keys), f"{s['mean_parts']:.1f}")


def table(report: dict) -> str:
    """The report as Markdown; beside it another space's, where `report["baseline"]` holds one."""
    baseline = report.get("baseline")
    r = report["resolution"]
    lines = [
        title(report),
        "",
        f"Decoded against input network on a {r}^3 grid; refined by {report['refine']['steps']} steps of L-BFGS.",
        "",
        *head("", *HEADINGS),
        _row("all", [report["summary"][c] for c in COLUMNS]),
    ]
    for key in ("source", "base", "back"):
        for group, values in report[f"by_{key}"].items():
            lines.append(_row(f"{key}: {group}", [values[c] for c in COLUMNS]))
    if baseline:
        groups = {"all": baseline["summary"], **{f"source: {k}": v for k, v in baseline["by_source"].items()}}
        lines += [_row(f"{baseline['title']}, {k}", [v[c] for c in COLUMNS]) for k, v in groups.items()]
    if report["lines"]:
        lines += ["", *head("line between unseen pairs", *SHARES)]
        for of, name in (("latent", "latents"), ("weights", "raw weights")):
            lines += [_share_row(f"{name}, t = {t}", s) for t, s in report["lines"][of].items()]
        for kind, s in report["lines"]["latent_midpoints_by_source"].items():
            lines.append(_share_row(f"latents, midpoints, {kind}", s))
        if baseline and baseline["lines"]:
            lines += [_share_row(f"{baseline['title']}, t = {t}", s) for t, s in baseline["lines"]["latent"].items()]
    return document(lines)


def png(image: np.ndarray) -> bytes:
    """[H, W, 3 or 4] uint8 -> PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def network_picture(arch, theta: Tensor, colour: tuple[int, int, int], size: int = 128) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A small picture of an SDF network, empty where it has no surface."""
    try:
        return picture(network_mesh(arch, theta, RESOLUTION), size, colour)
    except EmptyLevelSet:
        return picture(None, size, colour)


def _chosen(zoo: Zoo, rows: list[int], most: int) -> list[int]:
    """Positions in `rows`, one of each kind of base and back first, then real ones."""
    seen: set[tuple] = set()
    first: list[int] = []
    later: list[int] = []
    for position, index in enumerate(rows):
        network = zoo.networks[index]
        key = (network.properties.get("base"), network.properties.get("back"))
        (first if key not in seen or network.source != "procedural" else later).append(position)
        seen.add(key)
    procedural = [p for p in first if zoo.networks[rows[p]].source == "procedural"]
    others = [p for p in first if zoo.networks[rows[p]].source != "procedural"]
    return (procedural[: most // 2] + others[: most // 2] + later)[:most]


@torch.no_grad()
def draw_report(space: Space, zoo: Zoo, folder: Path, columns: int = 10) -> None:
    """Pictures: `twins.png` (input above decoded) and `lines.png` (latents above raw weights)."""
    kept = load_file(folder / "latents.safetensors")
    rows, z = kept["rows"].tolist(), kept["z"].to(space.device)
    chosen = _chosen(zoo, rows, 4 * columns)
    arch, inputs = space.architectures[0], zoo.theta([rows[p] for p in chosen])
    above = [network_picture(zoo.arch, theta, INPUT) for theta in inputs]
    below = [network_picture(arch, space.decode(z[p : p + 1]).theta[0], DECODED) for p in chosen]
    twins = []
    for start in range(0, len(chosen), columns):
        twins += [above[start : start + columns], below[start : start + columns]]
    _write(folder / "pictures" / "twins.png", sheet(twins))
    ts = [i / (columns - 1) for i in range(columns)]
    drawn = []
    for a, b in zip(chosen[0:8:2], chosen[-1:-9:-2], strict=False):
        _, through = latent_line(space, z[a], z[b], ts)
        drawn.append([network_picture(arch, theta, DECODED) for theta in through])
        ends = zoo.theta([rows[a], rows[b]])
        raw = weight_line(zoo.arch, ends[0], ends[1], ts)
        drawn.append([network_picture(zoo.arch, theta, RAW) for theta in raw])
    _write(folder / "pictures" / "lines.png", sheet(drawn))


def _write(path: Path, image: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(png(image))
