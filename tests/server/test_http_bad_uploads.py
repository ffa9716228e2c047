"""POST /embed with what cannot be embedded: a problem document each, and nothing changed."""

import io
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import LIMIT, TINY, ball, nothing

from netspace.checkpoint import network_bytes
from server.uploads import ENVELOPE

GOOD = network_bytes(TINY, ball(TINY, 0.6))
GOOD_SAFETENSORS = network_bytes(TINY, ball(TINY, 0.6), "safetensors")


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def layers(*shapes: tuple[int, int], fill: float = 0.1) -> dict[str, torch.Tensor]:
    """A state dict of linear layers [out, in]."""
    state = {}
    for i, shape in enumerate(shapes):
        state[f"{i}.weight"] = torch.full(shape, fill)
        state[f"{i}.bias"] = torch.full(shape[:1], fill)
    return state


def claiming() -> dict[str, torch.Tensor]:
    """A first layer that claims a thousand times more values than it stores."""
    return {**layers((1, 3), (1, 1000)), "0.weight": torch.zeros(1, 3).expand(1000, 3), "0.bias": torch.zeros(1000)}


BAD = {
    "text": (b"not a checkpoint at all", "not-a-checkpoint"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(64), "not-a-checkpoint"),
    "empty": (b"", "not-a-checkpoint"),
    "one byte": (b"P", "not-a-checkpoint"),
    "a .pt cut in half": (GOOD[: len(GOOD) // 2], "not-a-checkpoint"),
    "a .pt without its last byte": (GOOD[:-1], "not-a-checkpoint"),
    "safetensors cut in half": (GOOD_SAFETENSORS[: len(GOOD_SAFETENSORS) // 2], "not-a-checkpoint"),
    "safetensors without its last byte": (GOOD_SAFETENSORS[:-1], "not-a-checkpoint"),
    "a list": (saved([1, 2, 3]), "unknown-architecture"),
    "a convolution": (saved({"c.weight": torch.ones(8, 3, 3, 3), "c.bias": torch.ones(8)}), "unknown-architecture"),
    "a classifier": (saved(layers((16, 784), (10, 16))), "unknown-architecture"),
    "layers that do not follow one another": (saved(layers((5, 3), (1, 6))), "unknown-architecture"),
    "NaN": (saved(layers((5, 3), (1, 5), fill=float("nan"))), "non-finite-values"),
    "infinity": (saved(layers((5, 3), (1, 5), fill=float("inf"))), "non-finite-values"),
    "more values claimed than stored": (saved(claiming()), "shape-mismatch"),
    "no surface": (network_bytes(TINY, nothing(TINY)), "empty-level-set"),
}


@pytest.mark.parametrize(("content", "slug"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_422_of_its_kind_and_nothing_is_stored(shared: TestClient, content: bytes, slug: str) -> None:
    assert_problem(shared.post("/embed", files={"file": ("bad.pt", content)}), 422, slug)
    assert shared.get("/spaces/tiny/latents?origin=upload").json()["total"] == 0


def test_the_problem_says_what_was_given_and_what_was_expected(shared: TestClient) -> None:
    content = saved(layers((5, 3), (1, 6)))
    detail = assert_problem(shared.post("/embed", files={"file": ("bad.pt", content)}), 422)["detail"]
    assert "1.weight" in detail
    assert "expected (out, 5)" in detail
    assert "got (1, 6)" in detail


class Touch:
    """Unpickled, it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def executing(path: Path) -> Iterator[bytes]:
    """Every way to write a pickle that makes `path`."""
    state = {**layers((5, 3), (1, 5)), "extra": Touch(path)}
    yield pickle.dumps(state)
    yield saved(state)
    legacy = io.BytesIO()
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    yield legacy.getvalue()


def test_a_pickle_that_would_execute_something_is_never_loaded(shared: TestClient, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    pickle.loads(next(executing(marker)))
    assert marker.exists(), "the file must be able to do harm"
    marker.rmdir()
    for content in executing(marker):
        assert_problem(shared.post("/embed", files={"file": ("evil.pt", content)}), 422, "not-a-checkpoint")
        assert not marker.exists()
    assert shared.get("/spaces/tiny/latents?origin=upload").json()["total"] == 0


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2 * ENVELOPE])
def test_a_file_over_the_limit_is_413_and_says_the_limit(shared: TestClient, size: int) -> None:
    answer = shared.post("/embed", files={"file": ("big.pt", bytes(size))})
    assert f"expected at most {LIMIT} bytes" in assert_problem(answer, 413, "too-large")["detail"]
    assert shared.get("/spaces/tiny/latents?origin=upload").json()["total"] == 0


def test_a_file_at_the_limit_is_read(shared: TestClient) -> None:
    assert_problem(shared.post("/embed", files={"file": ("big.pt", bytes(LIMIT))}), 422, "not-a-checkpoint")


def test_a_body_of_undeclared_length_is_stopped_at_the_limit(shared: TestClient) -> None:
    def long_body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pt"\r\n\r\n'
        yield from (bytes(LIMIT) for _ in range(3))

    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert_problem(shared.post("/embed", content=long_body(), headers=headers), 413, "too-large")


def test_an_unknown_space_is_404(shared: TestClient) -> None:
    answer = shared.post("/embed", files={"file": ("a.pt", GOOD)}, data={"space": "nope"})
    assert "'nope'" in assert_problem(answer, 404, "not-found")["detail"]


def test_a_request_without_a_file_is_422_and_names_the_field(shared: TestClient) -> None:
    for body in ({"data": {"name": "x"}}, {"json": {"file": "x"}}, {}):
        problem = assert_problem(shared.post("/embed", **body), 422, "invalid-request")
        assert problem["errors"][0]["where"].startswith("body")


def test_a_multipart_body_that_is_none_is_a_problem(shared: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert_problem(shared.post("/embed", content=b"garbage", headers=headers), 400, "bad-request")


def test_more_uploads_than_fit_at_once_are_503_with_retry_after(client: TestClient) -> None:
    client.app.state.services.readers.pending = 16  # type: ignore[attr-defined]
    answer = client.post("/embed", files={"file": ("a.pt", GOOD)})
    assert_problem(answer, 503, "service-unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    client.app.state.services.readers.pending = 15  # type: ignore[attr-defined]
    assert client.post("/embed", files={"file": ("a.pt", GOOD)}).status_code == 201
