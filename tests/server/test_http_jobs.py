"""Jobs over HTTP; a runner in this process does them, so that nothing depends on timing."""

import io
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from answers import assert_problem
from fastapi.testclient import TestClient
from tiny import TINY, ball
from work import attributes, run_here, services_of, sphere

from netspace.checkpoint import network_bytes, read_network
from netspace.lso import State, values
from server.app import create_app
from server.jobs.problem import problem_of
from server.jobs.store import MOST_DEATHS
from server.settings import Settings


def submitted(client: TestClient, **changes: Any) -> str:
    answer = client.post("/jobs", json=attributes(**changes))
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    return answer.headers["location"]


def events(client: TestClient, path: str, after: int | None = None) -> list[tuple[int, str, dict[str, Any]]]:
    """(id, event, data) of a stream that ends."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    answer = client.get(f"{path}/events", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith((":", "retry")))
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_job_is_queued_run_and_done_with_a_result(client: TestClient) -> None:
    path = submitted(client, name="bigger")
    queued = client.get(path).json()
    assert (queued["status"], queued["progress"], queued["name"]) == ("queued", 0.0, "bigger")
    run_here(services_of(client))
    done = client.get(path).json()
    assert (done["status"], done["step"], done["progress"], done["seconds_left"]) == ("done", 20, 1.0, None)
    assert done["value"] >= 0
    assert done["result"]


def test_the_result_is_a_latent_like_any_other(client: TestClient) -> None:
    path = submitted(client)
    run_here(services_of(client))
    result = client.get(path).json()["result"]
    latent = client.get(f"/latents/{result}?vector=true").json()
    assert latent["origin"] == "job"
    assert latent["verdict"].startswith("Found by optimising attributes: volume")
    assert latent["properties"]["job"] == path.removeprefix("/jobs/")
    arch, _ = read_network(client.get(f"/latents/{result}/network").content)
    assert arch == TINY
    assert client.get(f"/latents/{result}/mesh?resolution=16").content.startswith(b"NSM2")
    assert client.get(f"/latents/{result}/picture").content.startswith(b"\x89PNG")
    line = client.post("/interpolate", json={"a": result, "b": "tiny.ball-1", "steps": 3})
    assert line.status_code == 200, line.text
    listed = client.get("/spaces/tiny/latents?origin=job").json()
    assert [item["id"] for item in listed["items"]] == [result]
    assert result in [item["id"] for item in client.get("/spaces/tiny/latents").json()["items"]]
    assert_problem(client.get(f"/latents/{result}/network?of=input"), 404, "no-network")
    assert client.delete(f"/latents/{result}").status_code == 204


def test_optimising_moves_the_shape_where_it_was_asked_to_go(client: TestClient) -> None:
    path = submitted(client, steps=60, prior=0, stay=0)
    run_here(services_of(client))
    values = [data["data"]["value"] for _, kind, data in events(client, path) if kind == "progress"]
    assert values[-1] < 0.9 * values[0]


def test_events_have_no_gap_and_a_client_that_comes_back_misses_and_repeats_none(client: TestClient) -> None:
    path = submitted(client)
    run_here(services_of(client), chunk_seconds=1e-9)
    everything = events(client, path)
    assert [number for number, _, _ in everything] == list(range(1, len(everything) + 1))
    assert len(everything) >= 23  # queued, running, the start, one for each step, done
    assert [data["data"]["step"] for _, kind, data in everything if kind == "progress"] == list(range(21))
    for after in (1, 7, len(everything) - 1):
        assert events(client, path, after) == everything[after:]
    assert client.get(f"{path}/events", headers={"Last-Event-ID": str(len(everything))}).status_code == 204
    assert_problem(client.get(f"{path}/events", headers={"Last-Event-ID": "x"}), 422, "invalid-request")


def test_latents_on_the_way_can_be_looked_at_but_are_not_listed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.LATENT_EVERY", 1e-6)
    path = submitted(client, steps=40, prior=0, stay=0)
    run_here(services_of(client), chunk_seconds=1e-9)
    shown = [data["data"]["latent"] for _, kind, data in events(client, path) if kind == "latent"]
    assert shown
    assert client.get(f"/latents/{shown[0]}/mesh?resolution=16").status_code == 200
    listed = [item["id"] for item in client.get("/spaces/tiny/latents").json()["items"]]
    assert not set(shown) & set(listed)


def test_a_cancelled_job_keeps_its_best_latent_and_goes_on_when_resumed(client: TestClient) -> None:
    undisturbed, path = submitted(client), submitted(client)
    services = services_of(client)
    run_here(services, stop_after=8, chunk_seconds=1e-9)  # stops during the first of the two, and hands both back
    for job in (undisturbed, path):
        assert client.get(job).json()["status"] == "queued"
    client.post(f"{path}/cancel")
    cancelled = client.get(path).json()
    assert (cancelled["status"], cancelled["progress"]) == ("cancelled", cancelled["step"] / 20)
    assert_problem(client.post(f"{path}/cancel"), 409, "wrong-state")
    answer = client.post(f"{path}/resume")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    run_here(services)
    first, second = (
        client.get(client.get(job).json()["result"] and job).json()["result"] for job in (undisturbed, path)
    )
    a, b = (client.get(f"/latents/{latent}?vector=true").json()["vector"] for latent in (first, second))
    assert a == b
    assert_problem(client.post(f"{path}/resume"), 409, "wrong-state")


def test_cancelling_while_it_runs_ends_it_with_the_best_latent(client: TestClient) -> None:
    path = submitted(client, steps=5000)
    services = services_of(client)
    plain = services.jobs.record

    def record(job: Any, *args: Any, **changes: Any) -> bool:
        if job.step == 15:
            told = client.post(f"{path}/cancel").json()
            assert (told["status"], told["cancelling"]) == ("running", True)
        return plain(job, *args, **changes)

    services.jobs.record = record  # type: ignore[method-assign]
    run_here(services, chunk_seconds=1e-9)
    ended = client.get(path).json()
    assert (ended["status"], ended["step"], ended["cancelling"]) == ("cancelled", 16, False)
    assert client.get(f"/latents/{ended['result']}").json()["origin"] == "job"


def test_a_job_stopped_anywhere_ends_with_the_same_latent(client: TestClient) -> None:
    undisturbed = submitted(client, seed=5)
    run_here(services_of(client))
    stopped = submitted(client, seed=5)
    for _ in range(6):
        run_here(services_of(client), stop_after=4, chunk_seconds=1e-9)
    run_here(services_of(client))
    results = [client.get(job).json()["result"] for job in (undisturbed, stopped)]
    a, b = (client.get(f"/latents/{latent}?vector=true").json()["vector"] for latent in results)
    assert a == b
    steps = [data["data"]["step"] for _, kind, data in events(client, stopped) if kind == "progress"]
    assert steps == sorted(set(steps)), "no step is told twice"


@pytest.mark.parametrize("way", ["upload", "inline"])
def test_points_are_fitted(client: TestClient, way: str) -> None:
    asked: dict[str, Any] = {"objective": "fit_points", "best_of": 3, "steps": 30, "patience": 100}
    if way == "upload":
        file = io.BytesIO()
        np.save(file, np.array(sphere(), np.float32))
        answer = client.post("/points", files={"file": ("my chair.npy", file.getvalue())})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["points"], answer.json()["normals"], answer.json()["name"]) == (300, False, "my chair")
        asked["upload"] = answer.json()["id"]
    else:
        asked["points"] = sphere()
    path = client.post("/jobs", json=asked).headers["location"]
    run_here(services_of(client))
    done = client.get(path).json()
    assert done["status"] == "done", done
    assert "points" not in json.dumps(done["request"]) or done["request"]["points"] is None
    values = [data["data"]["value"] for _, kind, data in events(client, path) if kind == "progress"]
    assert values[-1] < values[0]
    assert "within 0.02 of its surface" in client.get(f"/latents/{done['result']}").json()["verdict"]


def test_a_start_that_a_job_needs_is_not_deleted_before_it_is_over(client: TestClient) -> None:
    start = client.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}).json()["id"]
    path = submitted(client, start=start)
    assert_problem(client.delete(f"/latents/{start}"), 409, "latent-in-use")
    client.post(f"{path}/cancel")
    assert client.delete(f"/latents/{start}").status_code == 204


def test_jobs_are_listed_newest_first_by_status(client: TestClient) -> None:
    paths = [submitted(client, name=str(i)) for i in range(3)]
    client.post(f"{paths[1]}/cancel")
    page = client.get("/jobs?limit=2").json()
    assert (page["total"], [item["name"] for item in page["items"]]) == (3, ["2", "1"])
    assert [item["name"] for item in client.get("/jobs?status=cancelled").json()["items"]] == ["1"]


POINTS = {"objective": "fit_points", "points": sphere(40)}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "objective"),
        ({"objective": "dream"}, "fit_points"),
        ({"objective": "distill"}, "start"),
        (attributes(targets={}), "targets"),
        (attributes(targets={"wheels": {"to": 4}}), "wheels"),
        (attributes(targets={"volume": {"to": 1, "by": 1}}), "either to or by"),
        (attributes(start=None, targets={"volume": {"by": 1}}), "`by` needs a latent"),
        (attributes(start="tiny.nope"), "tiny.nope"),
        (attributes(best_of=3), "either start"),
        (attributes(steps=0), "steps"),
        (attributes(steps=10**6), "at most 10000"),
        (attributes(lr=0), "lr"),
        (attributes(prior=-1), "prior"),
        (attributes(space="other", start=None), "other"),
        (attributes(colour="red"), "colour"),
        ({"objective": "fit_points"}, "either upload or points"),
        ({"objective": "fit_points", "upload": "nope"}, "nope"),
        ({**POINTS, "points": [[0, 0, 0]] * 3}, "points"),
        ({**POINTS, "points": [[0, 0, 3.0]] * 20}, "one at 3"),
        ({**POINTS, "points": [[0, 0, 0]] * 20, "normalise": True}, "distinct"),
        ({**POINTS, "empty": [[0, 0, 2.0]]}, "empty"),
        ({**POINTS, "viewpoints": [[0, 0]]}, "viewpoints"),
        ({**POINTS, "seen": [0, 0, 0, 1]}, "seen"),
        ({**POINTS, "viewpoints": [[0, 0, 3]], "normalise": True}, "normalise"),
    ],
)
def test_what_cannot_be_served_is_refused_when_it_is_asked(client: TestClient, asked: dict, words: str) -> None:
    answer = client.post("/jobs", json={key: value for key, value in asked.items() if value is not None})
    body = assert_problem(answer, answer.status_code)
    assert answer.status_code in (404, 422)
    assert words in body["detail"] + json.dumps(body.get("errors", [])), body
    assert client.get("/jobs").json()["total"] == 0


def test_an_objective_that_fails_later_fails_the_job_with_its_reason(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    path = submitted(client)
    with monkeypatch.context() as patch:
        patch.setattr("server.jobs.runner.optimise", fail)
        run_here(services_of(client))
    failed = client.get(path).json()
    assert (failed["status"], failed["detail"]) == ("failed", "RuntimeError: out of memory")
    assert events(client, path)[-1][2]["data"]["detail"] == "RuntimeError: out of memory"
    assert events(client, path)[-1][2]["data"]["result"] == failed["result"] == failed["latent"]
    assert client.get(f"/latents/{failed['result']}").json()["properties"]["step"] == failed["step"]
    client.post(f"{path}/resume")
    run_here(services_of(client))
    assert client.get(path).json()["status"] == "done"


def test_a_job_that_is_over_is_forgotten_and_its_result_stays(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.runner.LATENT_EVERY", 1e-6)
    path, other = submitted(client, steps=40, prior=0, stay=0), submitted(client)
    assert "queued" in assert_problem(client.delete(path), 409, "wrong-state")["detail"]
    run_here(services_of(client), chunk_seconds=1e-9)
    shown = [data["data"]["latent"] for _, kind, data in events(client, path) if kind == "latent"]
    result = client.get(path).json()["result"]
    assert client.delete(path).status_code == 204
    for gone in (path, f"{path}/events", f"/latents/{shown[0]}"):
        assert_problem(client.get(gone), 404, "not-found")
    assert_problem(client.delete(path), 404, "not-found")
    assert client.get(f"/latents/{result}").status_code == 200
    assert client.get(other).json()["status"] == "done"


def test_a_space_with_other_weights_fails_the_job(client: TestClient) -> None:
    path = submitted(client)
    with services_of(client).store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE jobs SET model = 'older'")
    run_here(services_of(client))
    assert "other weights" in client.get(path).json()["detail"]


def test_a_job_ends_at_its_limit_of_time_with_the_best_so_far(client: TestClient) -> None:
    path = submitted(client, steps=5000)
    run_here(services_of(client), chunk_seconds=0.01, max_job_seconds=0.2)
    done = client.get(path).json()
    assert done["status"] == "done"
    assert done["step"] < 5000
    assert "limit of 0.2 s" in done["detail"]
    assert done["result"]


def test_a_job_that_gets_no_better_ends_early(client: TestClient) -> None:
    path = submitted(client, steps=5000, patience=10, lr=1e-9)
    run_here(services_of(client))
    done = client.get(path).json()
    assert (done["status"], done["step"] < 5000) == ("done", True)
    assert "no better latent in 10 steps" in done["detail"]


@pytest.fixture
def settled(settings_in: Callable[..., Settings], tmp_path: Path) -> Callable[..., TestClient]:
    return lambda **changes: TestClient(create_app(settings_in(tmp_path, **changes)))


def test_a_full_queue_is_429_with_a_time_to_try_again(settled: Callable[..., TestClient]) -> None:
    with settled(queue_length=2) as client:
        for _ in range(2):
            submitted(client)
        answer = client.post("/jobs", json=attributes())
        assert_problem(answer, 429, "queue-full")
        assert int(answer.headers["retry-after"]) > 0


def test_a_locked_database_is_503_with_a_time_to_try_again(client: TestClient, tmp_path: Path) -> None:
    path = submitted(client)
    with services_of(client).store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "latents.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answer = client.post(f"{path}/cancel")
    other.execute("ROLLBACK")
    assert_problem(answer, 503, "service-unavailable")
    assert answer.headers["retry-after"]
    assert client.post(f"{path}/cancel").json()["status"] == "cancelled"


def test_a_run_waits_for_a_database_that_is_full_and_writes_everything_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite answers `database or disk is full` when its file may not grow; the space comes back after some tries."""
    path = submitted(client, steps=30)
    engine = services_of(client).store.engine
    tries = 0

    def free_space(_: float) -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            limit(1_000_000)

    def limit(pages: int) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    monkeypatch.setattr("server.jobs.runner.time.sleep", free_space)
    with engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    limit(used)
    run_here(services_of(client), chunk_seconds=1e-9)
    assert tries >= 3
    assert client.get(path).json()["status"] == "done"
    steps = [data["data"]["step"] for _, kind, data in events(client, path) if kind == "progress"]
    assert steps == list(range(31))


def test_attributes_of_a_space_are_the_volume_and_what_its_gallery_predicts(shared: TestClient) -> None:
    assert shared.get("/spaces/tiny/attributes").json()["attributes"][0]["name"] == "volume"


@pytest.mark.parametrize(("name", "content"), [("a.exe", b"x"), ("a.npy", b"x"), ("a.npy", b""), ("a", b"1 2 3")])
def test_what_is_no_point_cloud_is_422(shared: TestClient, name: str, content: bytes) -> None:
    assert_problem(shared.post("/points", files={"file": (name, content)}), 422)


def test_the_start_is_the_best_of_the_gallery(client: TestClient) -> None:
    asked = {"objective": "attributes", "best_of": 3, "targets": {"volume": {"to": 0.9}}, "steps": 1}
    client.post("/jobs", json=asked)
    run_here(services_of(client))
    jobs, registry = services_of(client).jobs, services_of(client).registry
    job = jobs.page(0, 1)[1][0]
    problem = problem_of(job, registry, jobs)
    everyone = problem.space.gallery.latents
    found = values(problem.objective, problem.prior, problem.config, everyone)
    state = State.from_bytes(jobs.find(job.id, state=True).state or b"")
    torch.testing.assert_close(state.start, everyone[int(found.argmin())])


def test_an_upload_is_a_start_and_so_is_what_another_job_has_found(client: TestClient) -> None:
    start = client.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}).json()["id"]
    for _ in range(2):
        path = submitted(client, start=start)
        run_here(services_of(client))
        done = client.get(path).json()
        assert (done["status"], done["start"]) == ("done", start)
        start = done["result"]


def test_a_job_that_gets_on_between_its_workers_deaths_is_not_given_up(client: TestClient) -> None:
    path = submitted(client)
    jobs = services_of(client).jobs
    for _ in range(2 * MOST_DEATHS):
        run_here(services_of(client), stop_after=3, chunk_seconds=1e-9)
        job = jobs.find(path.removeprefix("/jobs/"))
        jobs.hand_back(job.id, job.run, died=True)
    run_here(services_of(client))
    assert client.get(path).json()["status"] == "done"


def test_time_left_is_told_while_a_job_runs(client: TestClient) -> None:
    path = submitted(client)
    run_here(services_of(client), stop_after=11, chunk_seconds=1e-9)
    half = client.get(path).json()
    assert 0 < half["progress"] == half["step"] / 20 < 1
    assert half["seconds_left"] == pytest.approx(half["seconds"] / half["step"] * (20 - half["step"]))
