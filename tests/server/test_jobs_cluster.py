"""The cluster of docker-compose.yml as plain processes: PostgreSQL, two services behind its proxy, two workers.

`apt-get install postgresql nginx-light` to have this run.
"""

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import faults
import httpx
import postgres
import pytest
import yaml
from fastapi.testclient import TestClient
from test_jobs_faults import SERVICE, free_port, served
from work import ROOT, process, services_of, until

from server.settings import Settings

pytestmark = pytest.mark.faults

TAKEN_OVER = 30.0
"""Seconds within which the job of a dead worker is another's, with the settings that ship."""
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    folder = postgres.programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres.server(folder) as url:
        yield f"{url}/postgres"


@pytest.fixture
def settings(server: str, settings_in: Any, tmp_path: Path) -> Settings:
    return settings_in(tmp_path, database_url=server)


def proxy_config(folder: Path, port: int, apis: list[int]) -> str:
    """nginx's, with the proxy of docker-compose.yml, whose names and ports are those of this machine."""
    site = COMPOSE["configs"]["proxy"]["content"].replace("$$", "$")
    (named,) = (line for line in site.splitlines() if "server api:8000" in line)
    site = site.replace(named, "\n".join(f"server 127.0.0.1:{api};" for api in apis))
    site = site.replace("listen 80;", f"listen 127.0.0.1:{port};")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    places = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    return f"pid {folder}/pid;\nerror_log {folder}/log;\nevents {{}}\nhttp {{\naccess_log off;\n{places}{site}\n}}\n"


@contextmanager
def proxy(folder: Path, apis: list[int]) -> Iterator[httpx.Client]:
    """A client of nginx in front of services on these ports."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/local/bin:/usr/bin")
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    folder.mkdir()
    port, config = free_port(), folder / "nginx.conf"
    config.write_text(proxy_config(folder, port, apis))
    child = subprocess.Popen([program, "-c", config, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            until(lambda: answers(client))
            yield client
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def listen(client: httpx.Client, job: str, heard: list[tuple[int, str]], over: threading.Event) -> None:
    """What a browser does: listens, and comes back with the last number that it has heard until it is told 204."""
    while not over.is_set():
        headers = {"Last-Event-ID": str(heard[-1][0] if heard else 0)}
        with suppress(httpx.TransportError), client.stream("GET", f"/jobs/{job}/events", headers=headers) as stream:
            if stream.status_code == 204:
                return
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    heard.append((event["number"], event["kind"]))
        time.sleep(0.2)


def test_the_compose_file_is_a_cluster_of_services_workers_and_one_database() -> None:
    cluster = {name: one for name, one in COMPOSE["services"].items() if "cluster" in one["profiles"]}
    assert set(cluster) == {"proxy", "api", "worker", "postgres"}
    assert cluster["api"]["deploy"]["replicas"] == 2
    for name in ("api", "worker"):
        environment = cluster[name]["environment"]
        assert environment["NETSPACE_DATABASE_URL"].startswith("postgresql+psycopg://")
        assert environment["NETSPACE_WORKER"] == "false", "workers are services of their own"
        assert "ports" not in cluster[name], "more than one of each may run on a machine"
    assert [name for name, one in COMPOSE["services"].items() if "single" in one["profiles"]] == ["netspace"]
    assert "COMPOSE_PROFILES=single" in (ROOT / ".env").read_text()


def test_a_job_outlives_a_worker_and_a_service_that_are_killed_behind_the_proxy(
    service: TestClient, settings: Settings, tmp_path: Path
) -> None:
    jobs, heard, over = services_of(service).jobs, [], threading.Event()
    with ExitStack() as cluster:
        chosen = [settings.model_copy(update={"port": free_port()}) for _ in range(2)]
        apis = [cluster.enter_context(process(one, SERVICE)) for one in chosen]
        workers = [cluster.enter_context(process(settings)) for _ in range(2)]
        for one in chosen:
            until(lambda one=one: served(one))
        until(lambda: len(jobs.beats()) == 2)
        client = cluster.enter_context(proxy(tmp_path / "nginx", [one.port for one in chosen]))
        job = client.post("/jobs", json={**faults.LONG, "steps": 2000}).json()["id"]
        ear = threading.Thread(target=listen, args=(client, job, heard, over))
        ear.start()
        cluster.callback(over.set)

        until(lambda: faults.under_way(service, job))
        owner = jobs.find(job).owner or ""
        (killed,) = (worker for worker in workers if f"-{worker.pid}-" in owner)
        killed.kill()
        apis[0].kill()
        began = time.monotonic()
        until(lambda: jobs.find(job).owner not in (None, owner))
        assert time.monotonic() - began < TAKEN_OVER
        assert client.get(f"/jobs/{job}").json()["status"] == "running", "the proxy asks the service that is left"
        until(lambda: faults.ended(service, job))
        ear.join(60)
        assert not ear.is_alive()
        done = client.get(f"/jobs/{job}").json()
        assert client.get(f"/latents/{done['result']}/mesh?resolution=16").status_code == 200
    assert done["status"] == "done"
    assert [number for number, _ in heard] == list(range(1, jobs.find(job).events + 1))
    told = faults.progress_of(service, job)
    assert told == sorted(set(told))
