"""What every answer of a kind must look like."""

import re
from typing import Any

from httpx import Response

REQUIRED = {"type", "title", "status", "detail"}
REFUSED_WITHIN_SECONDS = 12
SENTENCE = re.compile(r".{20,}", re.S)
LEAKS = re.compile(r"Traceback|File \"|/lib/python|root:")
"""What an answer about a file must not show: our source, or the machine's own files."""


def assert_problem(answer: Response, status: int, slug: str | None = None) -> dict[str, Any]:
    """Fails unless the answer is a problem document of that status and kind; the document."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() - {"errors"} == REQUIRED
    assert re.fullmatch(r"/problems/[a-z0-9-]+", body["type"])
    assert body["status"] == status
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail"))
    for error in body.get("errors", []):
        assert error.keys() == {"where", "message"}
    assert slug is None or body["type"] == f"/problems/{slug}", body
    return body


def assert_refused(found: dict[str, Any]) -> None:
    """Fails unless a hostile file's `answer` is a fitting sentence, came in time, and nothing was `executed`."""
    detail = assert_problem(found["answer"], 422)["detail"]
    assert SENTENCE.match(detail)
    assert len(detail) < 3000
    assert not LEAKS.search(detail)
    assert found["seconds"] < REFUSED_WITHIN_SECONDS
    assert not found["executed"]
