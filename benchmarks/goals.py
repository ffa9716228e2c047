"""What is wanted of each figure, and the page that shows it."""

from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/performance.md")
BEGIN, END = "<!-- figures: written by `make bench` -->\n", "<!-- end of figures -->\n"


@dataclass(frozen=True)
class Goal:
    """`figure` of a benchmark's row: at least `wanted`, or at most where `most` is set.

    `best` names the benchmark and figure that bound it: the time of what no way of doing it is without.
    """

    benchmark: str
    figure: str
    wanted: float
    unit: str
    most: bool = False
    best: tuple[str, str] | None = None

    def row(self, rows: dict[str, dict]) -> str:
        """Of a Markdown table."""
        row = rows.get(self.benchmark, {})
        value, on_gpu = row.get(self.figure), row.get(f"gpu_{self.figure}")
        best = rows.get(self.best[0], {}).get(self.best[1]) if self.best else None
        reached = "" if value is None else "reached" if self._is_reached(value) else "missed"
        measured = "not measured" if value is None else self._said(value)
        name = f"{self.benchmark}, {self.figure.replace('_', ' ')}"
        wanted = f"{'<=' if self.most else '>='} {self.wanted:g} {self.unit}"
        return f"| {name} | {wanted} | {measured} | {reached} | {self._said(best)} | {self._said(on_gpu)} |"

    def _is_reached(self, value: float) -> bool:
        return value <= self.wanted if self.most else value >= self.wanted

    def _said(self, value: float | None) -> str:
        return "" if value is None else f"{value:.3g} {self.unit}"


STEP, ZOO = "training step, 16 networks", "fitting 4 networks, 60 steps (one process a core)"

GOALS = (
    Goal("meshing 128^3", "ratio", 8, "x", best=("meshing 128^3", "ratio_at_best")),
    Goal("meshing 256^3", "ratio", 20, "x", best=("meshing 256^3", "ratio_at_best")),
    Goal("one client dragging", "p50_ms", 40, "ms", most=True, best=("meshing 64^3", "both_alone_ms")),
    Goal("one client dragging", "p99_ms", 120, "ms", most=True),
    Goal("32 clients against one after the other", "ratio", 3, "x"),
    Goal("32 clients dragging", "errors", 0, "", most=True),
    Goal("32 clients dragging", "loop_late_over_50_ms_per_minute", 0, "times", most=True),
    Goal(STEP, "ratio", 5, "x", best=(STEP, "ratio_at_best")),
    Goal(ZOO, "ratio", 5, "x", best=(ZOO, "ratio_at_best")),
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
        "| goal | wanted | measured | | at best | on a GPU |",
        "|---|---|---|---|---|---|",
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
