"""Tables in Markdown, as lists of lines."""

from collections.abc import Sequence


def row(*cells: str) -> str:
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def head(*headings: str) -> list[str]:
    """A table's first two lines."""
    return [row(*headings), "|" + "---|" * len(headings)]


def title(report: dict) -> str:
    """The heading of a space's report on networks that were held out."""
    return f"# Held-out networks ({report['split']}), {report['space']}"


def document(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
