"""POST /interpolate: the points of a line."""

from typing import Any

import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import TINY

from netspace.checkpoint import read_network
from netspace.lines import describe

LINE = {"a": "tiny.ball-0", "b": "tiny.ball-1"}


def test_steps_are_evenly_spaced_from_a_to_b(shared: TestClient) -> None:
    answer = shared.post("/interpolate", json={**LINE, "steps": 5, "of": "latent"}).json()
    assert [point["t"] for point in answer["points"]] == [0, 0.25, 0.5, 0.75, 1]
    assert (answer["space"], answer["a"], answer["b"], answer["of"]) == ("tiny", LINE["a"], LINE["b"], "latent")


def test_ts_are_taken_as_given(shared: TestClient) -> None:
    answer = shared.post("/interpolate", json={**LINE, "ts": [0.9, 0.1, 0.9]}).json()
    assert [point["t"] for point in answer["points"]] == [0.9, 0.1, 0.9]
    assert answer["points"][0] == answer["points"][2]


def test_each_point_says_what_the_network_there_is(shared: TestClient) -> None:
    (end,) = shared.post("/interpolate", json={**LINE, "ts": [1]}).json()["points"]
    found = describe(*read_network(shared.get(f"/latents/{LINE['b']}/network").content))
    assert end["architecture"] == TINY.name
    assert end["volume"] == pytest.approx(found.volume, rel=1e-3)
    assert (end["parts"], end["empty"]) == (1, False)


def test_raw_weights_join_two_networks_of_one_architecture(shared: TestClient) -> None:
    body = {"a": "tiny.ball-0", "b": "tiny.nothing", "ts": [0, 1], "of": "weights"}
    start, end = shared.post("/interpolate", json=body).json()["points"]
    assert start["volume"] == pytest.approx(4 / 3 * 3.14159 * 0.5**3, rel=0.05)
    assert end == {"t": 1, "architecture": TINY.name, "volume": 0, "parts": 0, "largest_share": 0, "empty": True}


def test_raw_weights_that_are_not_kept_are_a_problem(shared: TestClient) -> None:
    assert_problem(shared.post("/interpolate", json={**LINE, "steps": 2, "of": "weights"}), 404, "no-network")


def test_raw_weights_of_two_architectures_are_a_problem(shared: TestClient, uploaded: dict[str, Any]) -> None:
    body = {"a": "tiny.ball-0", "b": uploaded["id"], "steps": 2, "of": "weights"}
    detail = assert_problem(shared.post("/interpolate", json=body), 422, "shape-mismatch")["detail"]
    assert "siren-8-8" in detail
    assert "siren-24-16-12" in detail


@pytest.mark.parametrize("steps", [-1, 0, 1, 257, 10**9, 2.5, "many"])
def test_steps_outside_2_to_256_are_422(shared: TestClient, steps: Any) -> None:
    problem = assert_problem(shared.post("/interpolate", json={**LINE, "steps": steps}), 422, "invalid-request")
    assert problem["errors"][0]["where"] == "body.steps"
    assert str(steps) in problem["detail"]


@pytest.mark.parametrize("ts", [[], [0.5] * 257, [-1.1], [2.1]], ids=["none", "too many", "below -1", "above 2"])
def test_ts_outside_the_line_are_422(shared: TestClient, ts: list[float]) -> None:
    assert_problem(shared.post("/interpolate", json={**LINE, "ts": ts}), 422, "invalid-request")


@pytest.mark.parametrize("body", [{}, {"steps": 2, "ts": [0.5]}, {"steps": 2, "of": "dreams"}], ids=str)
def test_what_names_no_single_spacing_is_422(shared: TestClient, body: dict[str, Any]) -> None:
    assert_problem(shared.post("/interpolate", json={**LINE, **body}), 422, "invalid-request")


def test_an_unknown_end_is_404(shared: TestClient) -> None:
    for line in ({**LINE, "a": "nope"}, {**LINE, "b": "nope"}):
        assert_problem(shared.post("/interpolate", json={**line, "steps": 2}), 404, "not-found")
