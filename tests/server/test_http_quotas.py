"""What one client may keep and run, and how long strangers' things stay."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answers import assert_problem
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tiny import TINY, ball
from work import attributes, run_here, services_of, sphere

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.gate import key_hash
from server.jobs.tables import Event, Job, PointCloud
from server.quotas import Belonging
from server.settings import Settings
from server.store import StoredLatent, now


def network(radius: float) -> dict[str, Any]:
    return {"file": ("a.pt", network_bytes(TINY, ball(TINY, radius)))}


def points(radius: float) -> dict[str, Any]:
    file = io.BytesIO()
    np.save(file, np.array(sphere(radius=radius), np.float32))
    return {"file": ("points.npy", file.getvalue())}


@pytest.fixture
def opened(settings_in: Callable[..., Settings], tmp_path: Path) -> Callable[..., Any]:
    """opened(address, **settings): the service, asked from that address."""

    @contextmanager
    def make(address: str = "10.0.0.1", **changes: Any) -> Iterator[TestClient]:
        with TestClient(create_app(settings_in(tmp_path, **changes)), client=(address, 1)) as client:
            yield client

    return make


def another(client: TestClient, address: str = "10.0.0.2") -> TestClient:
    """The same service, asked from another address."""
    return TestClient(client.app, client=(address, 1))


def test_one_client_keeps_no_more_than_its_quota_until_it_deletes_something(opened: Callable[..., Any]) -> None:
    with opened(upload_quota=1) as client:
        first = client.post("/embed", files=network(0.5)).json()["id"]
        for path, files in (("/embed", network(0.6)), ("/points", points(0.6))):
            answer = client.post(path, files=files)
            assert "from one client" in assert_problem(answer, 429, "quota-reached")["detail"]
            assert int(answer.headers["retry-after"]) >= 1
        assert another(client).post("/embed", files=network(0.6)).status_code == 201, "another client may"
        assert client.delete(f"/latents/{first}").status_code == 204
        assert client.post("/points", files=points(0.6)).status_code == 201
        assert_problem(client.post("/embed", files=network(0.7)), 429, "quota-reached")


def test_what_another_client_brought_first_does_not_count(opened: Callable[..., Any]) -> None:
    with opened(upload_quota=1) as client:
        assert client.post("/points", files=points(0.5)).status_code == 201
        second = another(client)
        assert second.post("/points", files=points(0.5)).status_code == 201
        assert second.post("/points", files=points(0.6)).status_code == 201


def test_points_in_a_jobs_request_count_as_well(opened: Callable[..., Any]) -> None:
    with opened(upload_quota=1) as client:
        asked = {"objective": "fit_points", "points": sphere(40), "best_of": 1, "steps": 1}
        assert client.post("/jobs", json=asked).status_code == 202
        assert_problem(client.post("/points", files=points(0.6)), 429, "quota-reached")


def test_one_client_has_only_so_many_jobs_at_once(opened: Callable[..., Any]) -> None:
    with opened(jobs_per_client=2) as client:
        paths = [client.post("/jobs", json=attributes()).headers["location"] for _ in range(2)]
        assert_problem(client.post("/jobs", json=attributes()), 429, "quota-reached")
        assert another(client).post("/jobs", json=attributes()).status_code == 202
        client.post(f"{paths[0]}/cancel")
        assert client.post("/jobs", json=attributes()).status_code == 202


def test_a_key_has_one_quota_wherever_it_comes_from(opened: Callable[..., Any]) -> None:
    keys = ",".join(f"{name}:{key_hash(name)}" for name in ("one", "two"))
    with opened(jobs_per_client=1, api_keys=keys) as client:
        one, two = ({"Authorization": f"Bearer {name}"} for name in ("one", "two"))
        assert client.post("/jobs", json=attributes(), headers=one).status_code == 202
        assert_problem(another(client).post("/jobs", json=attributes(), headers=one), 429, "quota-reached")
        assert client.post("/jobs", json=attributes(), headers=two).status_code == 202


def test_neither_names_of_keys_nor_addresses_are_stored(opened: Callable[..., Any], tmp_path: Path) -> None:
    with opened(address="203.0.113.77") as client:
        client.post("/embed", files=network(0.5))
    assert all(b"203.0.113" not in path.read_bytes() for path in tmp_path.glob("*.sqlite*"))


def test_points_are_deleted_unless_a_job_still_fits_them(client: TestClient) -> None:
    cloud = client.post("/points", files=points(0.6)).json()["id"]
    asked = {"objective": "fit_points", "upload": cloud, "best_of": 1, "steps": 1}
    path = client.post("/jobs", json=asked).headers["location"]
    assert_problem(client.delete(f"/points/{cloud}"), 409, "points-in-use")
    client.post(f"{path}/cancel")
    assert client.delete(f"/points/{cloud}").status_code == 204
    assert_problem(client.delete(f"/points/{cloud}"), 404, "not-found")
    assert_problem(client.post("/jobs", json=asked), 404, "not-found")


def age(client: TestClient, days: int) -> None:
    """Makes all that is there so much older."""
    with Session(services_of(client).store.engine) as session, session.begin():
        for row in session.scalars(select(Job)):
            row.updated_at = now() - timedelta(days=days)
        for table in (StoredLatent, PointCloud):
            for kept in session.scalars(select(table)):
                kept.created_at = now() - timedelta(days=days)


def rows(client: TestClient) -> list[int]:
    with Session(services_of(client).store.engine) as session:
        tables = (Job, Event, StoredLatent, PointCloud, Belonging)
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def forgotten(client: TestClient, days: int) -> None:
    moment, services = now() - timedelta(days=days), services_of(client)
    services.store.delete_before(moment)
    services.jobs.forget_before(moment)
    services.quotas.forget()


def test_points_and_ended_jobs_with_what_they_found_go_when_their_time_is_over(client: TestClient) -> None:
    cloud = client.post("/points", files=points(0.6)).json()["id"]
    asked = {"objective": "fit_points", "upload": cloud, "best_of": 1, "steps": 2}
    client.post("/jobs", json=asked)
    run_here(services_of(client))
    before = rows(client)
    assert min(before) >= 1
    forgotten(client, days=7)
    assert rows(client) == before
    age(client, days=8)
    forgotten(client, days=7)
    assert rows(client) == [0, 0, 0, 0, 0]


def test_what_a_waiting_job_needs_stays(client: TestClient) -> None:
    cloud = client.post("/points", files=points(0.6)).json()["id"]
    path = client.post("/jobs", json={"objective": "fit_points", "upload": cloud, "best_of": 1, "steps": 2})
    age(client, days=8)
    forgotten(client, days=7)
    run_here(services_of(client))
    assert client.get(path.headers["location"]).json()["status"] == "done"
