"""The contract of errors: one shape over every route."""

import re
from collections.abc import Iterator

import pytest
from answers import assert_problem
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from netspace import errors
from netspace.errors import NetSpaceError
from server.app import create_app
from server.errors import STATUS, status_of
from server.settings import Settings

SPECIFICATION = create_app(Settings()).openapi()
PATHS = sorted(SPECIFICATION["paths"])
CALLS = [(method.upper(), path) for path in PATHS for method in SPECIFICATION["paths"][path]]


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "no-such-thing", path)


def test_the_interface_is_the_one_that_was_designed() -> None:
    assert set(CALLS) == {
        ("GET", "/spaces"),
        ("GET", "/spaces/{space_id}"),
        ("GET", "/spaces/{space_id}/latents"),
        ("GET", "/spaces/{space_id}/attributes"),
        ("GET", "/spaces/{space_id}/directions"),
        ("GET", "/spaces/{space_id}/map"),
        ("POST", "/latents"),
        ("POST", "/compare"),
        ("DELETE", "/jobs/{job_id}"),
        ("POST", "/points"),
        ("DELETE", "/points/{points_id}"),
        ("POST", "/jobs"),
        ("GET", "/jobs"),
        ("GET", "/jobs/{job_id}"),
        ("GET", "/jobs/{job_id}/events"),
        ("POST", "/jobs/{job_id}/cancel"),
        ("POST", "/jobs/{job_id}/resume"),
        ("POST", "/embed"),
        ("GET", "/latents/{latent_id}"),
        ("DELETE", "/latents/{latent_id}"),
        ("GET", "/classes"),
        ("GET", "/latents/{latent_id}/classes"),
        ("GET", "/latents/{latent_id}/picture"),
        ("GET", "/latents/{latent_id}/network"),
        ("GET", "/latents/{latent_id}/mesh"),
        ("POST", "/decode"),
        ("POST", "/interpolate"),
        ("GET", "/mesh"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    }


@pytest.mark.parametrize("path", [*PATHS, "/", "/vendor/plotly.min.js", "/static/x.js", "/vendor/three/x.js"])
def test_a_method_that_is_not_offered_is_405(shared: TestClient, path: str) -> None:
    answer = shared.patch(filled(path))
    if path.startswith(("/static", "/vendor/three")):  # their folders are not there
        assert_problem(answer, 404)
    else:
        assert_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"]


@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda part: str(part))
def test_names_that_do_not_exist_and_bodies_that_are_empty_are_problems(
    shared: TestClient, method: str, path: str
) -> None:
    answer = shared.request(method, filled(path), **({"json": {}} if method == "POST" else {}))
    if (method, path) in [("GET", known) for known in ("/spaces", "/jobs", "/healthz", "/readyz", "/metrics")]:
        assert answer.status_code == 200
    else:
        assert_problem(answer, 404 if "{" in path else 422)


@pytest.mark.parametrize(("method", "path"), CALLS, ids=lambda part: str(part))
def test_every_route_documents_problems_and_no_other_error(method: str, path: str) -> None:
    answers = SPECIFICATION["paths"][path][method.lower()]["responses"]
    assert set(answers["4XX"]["content"]) == {"application/problem+json"}
    assert "422" not in answers


@pytest.mark.parametrize("path", ["/nothing", "/spaces/tiny/nothing", "/%2e%2e/etc/passwd"])
def test_a_path_that_is_not_served_is_404(shared: TestClient, path: str) -> None:
    assert_problem(shared.get(path), 404, "not-found")


def test_a_failure_of_the_server_is_500_and_tells_no_secrets(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr("server.frames.network_meshes", fail)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        answer = client.get("/latents/tiny.ball-0/mesh")
    assert_problem(answer, 500, "internal-server-error")
    assert "1234" not in answer.text


def library_errors() -> Iterator[type[NetSpaceError]]:
    yield from (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, NetSpaceError))


def test_every_error_of_the_library_has_a_status_by_its_class() -> None:
    statuses = {kind.__name__: status_of(kind("x")) for kind in library_errors()}
    unprocessable = ("NotACheckpoint", "UnknownArchitecture", "NonFiniteValues", "ShapeMismatch", "EmptyLevelSet")
    assert {statuses[name] for name in (*unprocessable, "BadLatent")} == {422}
    assert statuses["UnknownName"] == 404


def test_a_subclass_has_its_parents_status() -> None:
    class Narrower(errors.UnknownName):
        pass

    assert status_of(Narrower("x")) == STATUS[errors.UnknownName]


def test_the_documented_routes_are_the_served_ones() -> None:
    served = {route.path for route in create_app(Settings()).routes if isinstance(route, APIRoute)}
    assert served <= {*PATHS, "/", "/docs", "/vendor/plotly.min.js"}


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b"[" * 100_000, b"9" * 10_000], ids=["Latin-1", "deep", "digits"])
def test_a_body_that_is_no_json_in_utf_8_is_400_and_says_so(shared: TestClient, body: bytes) -> None:
    answer = shared.post("/decode", content=body, headers={"content-type": "application/json"})
    assert "expected a body of JSON in UTF-8" in assert_problem(answer, 400, "bad-request")["detail"]
