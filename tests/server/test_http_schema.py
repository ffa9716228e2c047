"""Generated requests over the whole OpenAPI document. `make fuzz` sends 5,000 and more."""

import os
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from answers import assert_problem
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import response_schema_conformance
from tiny import LATENT, TINY, ball

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.settings import Settings

EXAMPLES = int(os.environ.get("FUZZ", "8"))
"""Per operation."""
LATENT_ID = st.sampled_from(["tiny.ball-0", "tiny.ball-1", "tiny.nothing"])
KNOWN: dict[str, st.SearchStrategy] = {
    **dict.fromkeys(("latent_id", "latent", "a", "b"), LATENT_ID),
    **dict.fromkeys(("space_id", "space"), st.just("tiny")),
    "at": st.sampled_from(["tiny.ball-0:1", "tiny.ball-0:0.5,tiny.ball-1:0.5,~pc1:1", "tiny.nothing:x", "~pc9:1"]),
    "vector": st.lists(st.floats(-1e30, 1e30), min_size=LATENT, max_size=LATENT),
    "file": st.sampled_from([network_bytes(TINY, ball(TINY, 0.6)), b"PK\x03\x04"]),
}
SCHEMA = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
SCHEMAS = ("application/json", "application/problem+json")
OPERATIONS = {f"{item.ok().method.upper()} {item.ok().path}": item.ok() for item in SCHEMA.get_all_operations()}


def test_every_operation_documents_its_answers() -> None:
    assert len(OPERATIONS) == 31
    for operation in OPERATIONS.values():
        assert {"4XX", "5XX"} < set(operation.definition.raw["responses"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_generated_requests_get_documented_answers_and_never_a_500(shared: TestClient, name: str) -> None:
    operation, sent = OPERATIONS[name], []
    documented = set(operation.definition.raw["responses"])

    @settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data())
    def check(data: st.DataObject) -> None:
        modes = list(schemathesis.GenerationMode)
        case = data.draw(operation.as_strategy(generation_mode=data.draw(st.sampled_from(modes))))
        for holder in (case.path_parameters, case.query, case.body):
            fill_in(holder, data.draw)
        answer = shared.request(**arguments(case))
        sent.append(answer.status_code)
        assert answer.status_code < 500, (case, answer.text)
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code)
            assert "4XX" in documented
        else:
            assert str(answer.status_code) in documented
        if answer.headers.get("content-type", "").startswith(SCHEMAS):
            # Schemathesis asks for the request's body too, which a multipart request has streamed away.
            answer.request = httpx.Request(answer.request.method, answer.request.url)
            case.validate_response(schemathesis.Response.from_any(answer), checks=[response_schema_conformance])
        assert is_documented(operation, answer)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check()
    assert len(sent) >= 1


def is_documented(operation: Any, answer: httpx.Response) -> bool:
    """Whether the answer's media type is one that the document names for its status."""
    responses = operation.definition.raw["responses"]
    told = responses.get(str(answer.status_code)) or responses[f"{answer.status_code // 100}XX"]
    media = answer.headers.get("content-type", "").partition(";")[0]
    return media in told.get("content", {"": {}})


def fill_in(holder: Any, draw: Callable[..., Any]) -> None:
    """Puts what exists where names were made up, half of the time: else little but 404 would be seen."""
    if not isinstance(holder, dict):
        return
    for name, existing in KNOWN.items():
        if name in holder and draw(st.booleans()):
            holder[name] = draw(existing)


def arguments(case: schemathesis.Case) -> dict:
    kwargs = case.as_transport_kwargs(base_url="http://testserver")
    kwargs.pop("cookies", None)
    data = kwargs.pop("data", None)
    if isinstance(data, (bytes, str)):
        kwargs["content"] = data
    elif data is not None:
        kwargs["data"] = data
    return kwargs
