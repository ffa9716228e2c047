"""The crowd's report tells which promises are broken."""

import httpx

from benchmarks.load import CALLS, WEIGHTS, Crowd, report


def test_the_load_report_tells_broken_promises() -> None:
    crowd = Crowd(httpx.AsyncClient(), [], [])
    crowd.note("mesh", httpx.Response(200), 0.5)
    crowd.note("latent", httpx.Response(200), 0.25)
    crowd.note("embed", httpx.Response(503, headers={"retry-after": "5"}), 0.1)
    assert crowd.broken == []
    crowd.note("embed", httpx.Response(503), 0.1)
    crowd.note("mesh", httpx.Response(500, text="oh"), 0.1)
    found = report(crowd, [1.0, 2.0, 2.0, 2.0, 3.0])
    assert found["requests"] == 5
    assert found["broken"] == ["embed: 503 ", "mesh: 500 oh"]
    assert found["cheap_p99_ms"] == 250
    assert found["memory_mib"] == {"start": 1.0, "settled": 2.0, "end": 3.0, "most": 3.0}


def test_every_call_has_a_weight() -> None:
    assert set(WEIGHTS) == set(CALLS)
