"""What is wanted of each figure, and the page that shows it."""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- figures: written by `make bench` -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True)
class Goal:
    """`figure` of a benchmark's row: at least `wanted`, or at most where `most` is set."""

    benchmark: str
    figure: str
    wanted: float
    unit: str
    most: bool = False

    def row(self, rows: dict[str, dict]) -> str:
        """Of a Markdown table."""
        sign = "<=" if self.most else ">="
        value = rows.get(self.benchmark, {}).get(self.figure)
        cells = ["not measured", ""]
        if value is not None:
            reached = value <= self.wanted if self.most else value >= self.wanted
            cells = [f"{value:.3g} {self.unit}", "reached" if reached else "missed"]
        name = f"{self.benchmark}, {self.figure.replace('_', ' ')}"
        return f"| {name} | {sign} {self.wanted:g} {self.unit} | {cells[0]} | {cells[1]} |"


GOALS = (
    Goal("meshing 128^3", "ratio", 8, "x"),
    Goal("meshing 256^3", "ratio", 20, "x"),
    Goal("one client dragging", "p50_ms", 40, "ms", most=True),
    Goal("one client dragging", "p99_ms", 120, "ms", most=True),
    Goal("32 clients against one after the other", "ratio", 3, "x"),
    Goal("32 clients dragging", "errors", 0, "", most=True),
    Goal("32 clients dragging", "loop_late_over_50_ms_per_minute", 0, "times", most=True),
    Goal("training step, 16 networks", "ratio", 5, "x"),
    Goal("fitting 4 networks, 60 steps (one process a core)", "ratio", 5, "x"),
    Goal("start to ready", "seconds", 6, "s", most=True),
    Goal("import netspace against torch", "ratio", 1.5, "x", most=True),
    Goal("page, first visit", "meaningful_paint_s", 1.5, "s", most=True),
    Goal("page, second visit", "meaningful_paint_s", 1.5, "s", most=True),
    Goal("shapes at hand, dragged", "frames_per_second", 30, ""),
    Goal("map of 5,000 networks, panned", "p95_ms", 34, "ms", most=True),
    Goal("map of 5,000 networks, pointed at", "p95_ms", 34, "ms", most=True),
)


def figures(results: dict) -> str:
    """Every goal beside what was measured, then every figure, as Markdown."""
    machine, rows = results["machine"], {row["benchmark"]: row for row in results["rows"]}
    out = [
        f"Measured on {machine['cores']} cores ({machine['cpu']}; bfloat16 "
        f"{'native' if machine['bfloat16'] else 'emulated, so not used'}), torch {machine['torch']}, "
        f"GPU: {machine['gpu'] or 'none at hand'}.",
        "",
        "| goal | wanted | measured | |",
        "|---|---|---|---|",
        *[goal.row(rows) for goal in GOALS],
        "",
        "| benchmark | figures |",
        "|---|---|",
    ]
    for name, row in rows.items():
        text = ", ".join(f"{k.replace('_', ' ')} {v:.3g}" for k, v in row.items() if k != "benchmark")
        out.append(f"| {name} | {text} |")
    return "\n".join(out) + "\n"


def show(results: dict, page: Path = PAGE) -> None:
    """Writes the figures between the page's marks; raises ValueError if they are not there."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: expected the lines {BEGIN.strip()!r} and {END.strip()!r}")
    page.write_text(f"{before}{BEGIN}\n{figures(results)}\n{END}{after}")
