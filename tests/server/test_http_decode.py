"""POST /decode: networks from latents and from any vector."""

from pathlib import Path
from typing import Any

import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import LATENT, TINY

from netspace.checkpoint import read_network
from netspace.spaces import load_space

VECTOR = [0.5, -1.0, 0.25, 0.0, 2.0, -0.125]


@pytest.mark.parametrize("file_format", ["pt", "safetensors"])
def test_a_vector_decodes_to_a_ready_network(shared: TestClient, space_folder: Path, file_format: str) -> None:
    answer = shared.post("/decode", json={"space": "tiny", "vector": VECTOR, "format": file_format})
    assert f'filename="tiny-vector.{file_format}"' in answer.headers["content-disposition"]
    arch, theta = read_network(answer.content)
    assert arch == TINY
    torch.testing.assert_close(theta, load_space(space_folder / "tiny").decode(torch.tensor([VECTOR])).theta[0])


def test_a_latent_decodes_as_its_vector_does(shared: TestClient) -> None:
    vector = shared.get("/latents/tiny.ball-1?vector=true").json()["vector"]
    answers = (
        shared.post("/decode", json={"latent": "tiny.ball-1"}),
        shared.post("/decode", json={"space": "tiny", "vector": vector}),
        shared.get("/latents/tiny.ball-1/network"),
    )
    by_id, by_vector, by_path = (read_network(answer.content) for answer in answers)
    for arch, theta in (by_vector, by_path):
        assert arch == by_id[0]
        assert torch.equal(theta, by_id[1])


@pytest.mark.parametrize("length", [0, LATENT - 1, LATENT + 1])
def test_a_vector_of_the_wrong_length_is_422_and_says_both(shared: TestClient, length: int) -> None:
    answer = shared.post("/decode", json={"space": "tiny", "vector": [0.0] * length})
    assert f"expected {LATENT} numbers for 'tiny', got {length}" in assert_problem(answer, 422, "bad-latent")["detail"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"x"', "null"])
def test_a_vector_with_nan_or_no_number_is_422_and_says_where(shared: TestClient, value: str) -> None:
    body = f'{{"space": "tiny", "vector": [0, 0, {value}, 0, 0, 0]}}'
    answer = shared.post("/decode", content=body, headers={"content-type": "application/json"})
    (error,) = assert_problem(answer, 422, "invalid-request")["errors"]
    assert error["where"] == "body.vector.2"


def test_numbers_that_float32_cannot_hold_are_422(shared: TestClient) -> None:
    assert_problem(shared.post("/decode", json={"vector": [1e300] * LATENT}), 422, "bad-latent")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"vector": VECTOR, "latent": "tiny.ball-0"},
        {"latent": "tiny.ball-0", "space": "tiny"},
        {"latent": "tiny.ball-0", "format": "onnx"},
        {"latent": "tiny.ball-0", "colour": "red"},
        {"latent": 3},
        [],
        "text",
    ],
    ids=str,
)
def test_what_names_no_single_source_is_422(shared: TestClient, body: Any) -> None:
    assert_problem(shared.post("/decode", json=body), 422, "invalid-request")


def test_an_unknown_latent_or_space_is_404(shared: TestClient) -> None:
    assert_problem(shared.post("/decode", json={"latent": "nope"}), 404, "not-found")
    assert_problem(shared.post("/decode", json={"space": "nope", "vector": VECTOR}), 404, "not-found")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"latent": "\\ud800"}', b"[" * 20_000])
def test_a_body_that_is_no_json_is_a_problem(shared: TestClient, body: bytes) -> None:
    answer = shared.post("/decode", content=body, headers={"content-type": "application/json"})
    assert_problem(answer, answer.status_code)
    assert answer.status_code in (400, 422)
