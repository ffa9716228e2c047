"""What commands print: results on standard output, progress and mistakes on standard error."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(stderr=True)


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


@contextmanager
def stages_bar(label: str) -> Iterator[Callable[[str, int, int], None]]:
    """As `progress_bar`, fed by calls of (what is being done, done, total)."""
    with progress_bar(label) as show:
        yield lambda _, done, total: show(done, total)


def say(data: dict) -> None:
    """The command's result, as JSON on standard output."""
    print(json.dumps(data, indent=2))
