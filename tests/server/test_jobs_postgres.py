"""Several services and workers on one PostgreSQL: `apt-get install postgresql` to have these tests run."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import postgres
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from tiny import TINY, ball
from work import attributes, process, services_of, until

from netspace.checkpoint import network_bytes
from server.app import create_app
from server.settings import Settings

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    folder = postgres.programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres.server(folder) as url:
        yield url


@pytest.fixture
def settings(server: str, settings_in: Callable[..., Settings], tmp_path: Path) -> Settings:
    """With a database of its own for every test."""
    name = f"test_{secrets.token_hex(4)}"
    engine = sa.create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return settings_in(tmp_path, database_url=f"{server}/{name}")


def test_services_share_latents_and_jobs(service: TestClient, settings: Settings) -> None:
    with TestClient(create_app(settings)) as other:
        latent = service.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}).json()["id"]
        job = other.post("/jobs", json=attributes(start=latent)).json()["id"]
        assert service.delete(f"/latents/{latent}").status_code == 409
        with process(faults.fast(settings)):
            until(lambda: faults.ended(service, job))
        for client in (service, other):
            result = client.get(f"/jobs/{job}").json()["result"]
            assert client.get(f"/latents/{result}").json()["origin"] == "job"
            assert client.get(f"/latents/{result}/mesh?resolution=16").status_code == 200
            assert client.get("/latents/%00").status_code == 404
            assert client.get("/jobs/%00").status_code == 404


def test_two_workers_do_two_jobs_at_the_same_time(service: TestClient, settings: Settings) -> None:
    jobs = services_of(service).jobs
    with process(faults.fast(settings)), process(faults.fast(settings)):
        until(lambda: len(jobs.beats()) == 2)
        asked = [faults.job_of(service) for _ in range(2)]
        until(lambda: len({jobs.find(job).owner for job in asked} - {None}) == 2)
        until(lambda: all(faults.ended(service, job) for job in asked))
    assert all(faults.state_of(service, job)["status"] == "done" for job in asked)


def test_a_worker_killed_at_any_moment_costs_a_chunk(service: TestClient, tmp_path: Path) -> None:
    faults.check_a_worker_killed_at_any_moment_costs_a_chunk(service, tmp_path / "steps.log")


def test_a_stalled_worker_loses_its_job_and_cannot_write(service: TestClient) -> None:
    faults.check_a_stalled_worker_loses_its_job_and_cannot_write(service)
