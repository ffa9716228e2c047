"""The report of a space of classifiers as a table; several of them as the paper's figures 3 and 5 and its table I."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netspace.errors import BadSpace
from netspace.files import atomic_path
from netspace.markdown import document, head, row, title

COLOURS = ("#3b6fb6", "#d08a3c", "#4c9a62", "#a2477f", "#7a6fb0", "#8a8a8a")
"""Of architectures, by ClassId."""
FIGURES = (
    "networks",
    "median_accuracy",
    "accuracy",
    "decoded_accuracy",
    "difference",
    "agreement",
    "architecture_right",
)
HEADINGS = ("networks", "input, median", "input", "decoded", "|difference|", "agreement", "architecture")


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _row(label: str, figures: dict) -> str:
    return row(label, str(figures["networks"]), *(percent(figures[c]) for c in FIGURES[1:]))


def classifier_table(report: dict) -> str:
    """The report as Markdown; accuracies and shares in percent."""
    lines = [
        title(report),
        "",
        f"Accuracy on {report['images']} test images, in percent; differences in points.",
        "",
        *head("", *HEADINGS),
        _row("all", report["summary"]),
    ]
    if len(report["by_architecture"]) > 1:
        lines += [_row(name, figures) for name, figures in report["by_architecture"].items()]
    if report["lines"]:
        lines += ["", *head("line from, to", "R^2", "ends", "middle", "raw weights, middle")]
        lines += [_line_row(found) for found in report["lines"]]
        lines.append(row("mean", f"{report['straightness']:.3f}", "", "", ""))
        lines.append(row("the lines' mean", f"{report['mean_straightness']:.3f}", "", "", ""))
    if report["between"]:
        lines += ["", *head("at i/(A-1) of lines", "predicted as such", "accuracy")]
        lines += [row(n, percent(g["right"]), percent(g["accuracy"])) for n, g in report["between"].items()]
    if report["searches"]:
        lines += ["", *search_table(report)]
    return document(lines)


def _line_row(found: dict) -> str:
    middle = len(found["ts"]) // 2
    heights = [percent(found["accuracy"][i]) for i in (0, -1, middle)]
    raw = percent(found["weights"][middle]) if found.get("weights") else "-"
    ends = f"{found['first']}, {found['last']}"
    return row(ends, f"{found['straightness']:.3f}", f"{heights[0]}, {heights[1]}", heights[2], raw)


def search_means(report: dict) -> dict[str, dict[str, float]]:
    """Mean test accuracies of LSO by architecture: input, decoded, optimised; and how many."""
    groups: dict[str, list[dict]] = {}
    for found in report["searches"]:
        groups.setdefault(found["architecture"], []).append(found)
    keys = ("input", "decoded", "optimised")
    return {
        name: {**{key: sum(f[key] for f in group) / len(group) for key in keys}, "networks": len(group)}
        for name, group in groups.items()
    }


def search_table(report: dict) -> list[str]:
    """Like Table I: test accuracy before and after latent space optimisation."""
    lines = head("LSO, test accuracy", "networks", "input", "decoded", "optimised")
    for name, means in search_means(report).items():
        numbers = [percent(means[key]) for key in ("input", "decoded", "optimised")]
        lines.append(row(name, f"{means['networks']:.0f}", *numbers))
    return lines


def read_report(folder: Path) -> dict:
    """Raises BadSpace if the folder holds no report of classifiers."""
    try:
        report = json.loads((folder / "report.json").read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise BadSpace(f"{folder}: not evaluated yet; run `netspace evaluate` on it first ({error})") from error
    if report.get("task") != "classifier":
        raise BadSpace(f"{folder}: expected the report of a space of classifiers")
    return report


def _figure(width: float, height: float, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(alpha=0.25)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def draw_twins(axis: Any, report: dict) -> None:
    """Accuracy of the decoded network over that of its input, for held-out networks."""
    for name, colour in zip(report["architectures"], COLOURS, strict=False):
        own = [t for t in report["networks"] if t["architecture"] == name]
        axis.scatter(
            [100 * t["accuracy"] for t in own],
            [100 * t["decoded_accuracy"] for t in own],
            s=22,
            color=colour,
            label=name,
        )
    ends = [100 * f(t[k] for t in report["networks"] for k in ("accuracy", "decoded_accuracy")) for f in (min, max)]
    axis.plot(ends, ends, color="#999999", linewidth=1, zorder=0)
    axis.set(xlabel="accuracy of the input (%)", ylabel="accuracy of the decoded network (%)")
    if len(report["architectures"]) > 1:
        axis.legend(frameon=False, fontsize=8)


def draw_lines(axis: Any, report: dict) -> None:
    """Accuracy along lines between held-out networks: through latents, by architecture, and through raw weights."""
    colours = dict(zip(report["architectures"], COLOURS, strict=False))
    chance = 100 / len(report["classes"])
    for found in report["lines"]:
        heights = [100 * value for value in found["accuracy"]]
        axis.plot(found["ts"], heights, color="#bbbbbb", linewidth=1, zorder=1)
        axis.scatter(found["ts"], heights, s=18, color=[colours[name] for name in found["architectures"]], zorder=2)
        if found.get("weights"):
            axis.plot(found["ts"], [100 * v for v in found["weights"]], color="#c04040", linewidth=1, linestyle="--")
    axis.axhline(chance, color="#999999", linewidth=0.8, linestyle=":")
    axis.set(xlabel="from the first network (0) to the second (1)", ylabel="accuracy (%)", ylim=(0, None))


def draw_report(report: dict, path: Path) -> None:
    """Like the paper's figures 3 and 5: twins on the left, lines on the right."""
    figure, axes = _figure(9.5, 4.0, 2)
    draw_twins(axes[0], report)
    draw_lines(axes[1], report)
    title = "decoded: dots; raw weights: dashed; chance: dotted" if len(report["architectures"]) == 1 else "latents"
    axes[1].set_title(title, fontsize=9)
    _save(figure, path)


def draw_unseen(several: dict, unseen: dict, path: Path) -> None:
    """Accuracy of each architecture at its place on the line: with all of them in the zoo, and with the ends alone."""
    figure, (axis,) = _figure(5.5, 3.6, 1)
    names = list(several["between"])
    for shift, (report, label, colour) in enumerate(
        ((several, "all in the zoo", COLOURS[0]), (unseen, "only the ends", COLOURS[1]))
    ):
        heights = [100 * report["between"][name]["accuracy"] for name in names]
        axis.bar([i + 0.36 * shift - 0.18 for i in range(len(names))], heights, 0.34, label=label, color=colour)
    axis.set_xticks(range(len(names)), names)
    axis.set_ylabel("accuracy (%)")
    axis.legend(frameon=False, fontsize=8, loc="lower right")
    _save(figure, path)


def results(folders: Sequence[Path], output: Path) -> list[Path]:
    """Pictures and tables of evaluated spaces into `output`, one command for all; returns what it wrote.

    Two spaces of the same several architectures, of which one has seen all and the other has not, are shown beside each
    other. Raises BadSpace as `read_report` does.
    """
    reports, written, parts = (
        [read_report(folder) for folder in folders],
        [],
        ["# Spaces of image classifiers: results", ""],
    )
    for report in reports:
        path = output / f"{report['space']}.png"
        draw_report(report, path)
        written.append(path)
        body = classifier_table(report).replace("# Held-out networks", "## Held-out networks")
        parts += [body, f"![{report['space']}]({path.name})", ""]
    pair = _with_unseen(reports)
    if pair is not None:
        draw_unseen(*pair, output / "unseen.png")
        written.append(output / "unseen.png")
        parts += ["## Unseen architectures", "", *_unseen_table(*pair), "", "![unseen architectures](unseen.png)", ""]
    with atomic_path(output / "classifiers.md") as temporary:
        temporary.write_text("\n".join(parts))
    return [*written, output / "classifiers.md"]


def _with_unseen(reports: Sequence[dict]) -> tuple[dict, dict] | None:
    """(all architectures seen, only some seen), of the same architectures."""
    for several in reports:
        for unseen in reports:
            same = several["architectures"] == unseen["architectures"] and several["between"] and unseen["between"]
            if same and unseen["unseen"] and not several["unseen"]:
                return several, unseen
    return None


def _unseen_table(several: dict, unseen: dict) -> list[str]:
    lines = head("at i/(A-1) of lines", "all in the zoo", "only the ends", "difference", "in the zoo")
    for name, seen in several["between"].items():
        a, b = seen["accuracy"], unseen["between"][name]["accuracy"]
        there = "no" if name in unseen["unseen"] else "yes"
        lines.append(row(name, percent(a), percent(b), f"{100 * (b - a):+.1f}", there))
    return lines
