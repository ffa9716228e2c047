"""What every answer of a kind must look like."""

import re
from typing import Any

from httpx import Response

REQUIRED = {"type", "title", "status", "detail"}


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
