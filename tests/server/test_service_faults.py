"""The service in a process of its own: clients that stall, the end of the process, and what is left in the database."""

import io
import json
import random
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import hostile
import hostile_clouds
import httpx
import pytest
from faults import database_file
from PIL import Image
from tiny import TINY, UPLOADED, ball
from work import attributes, process, until

from netspace.checkpoint import network_bytes, read_network
from server.settings import Settings
from server.store import vector_from

pytestmark = pytest.mark.faults

PATIENCE = 400.0
"""Seconds that a step may take on a machine that is busy; no test waits for it otherwise."""
SERVICE = """
import os
os.environ["OMP_NUM_THREADS"] = "1"
from functools import partial
import server.tasks.shapes as shapes
from netspace.embedding import RefineConfig
shapes.embed = partial(shapes.embed, config=RefineConfig(steps=4, points=128))
from server.serve import serve
serve()
"""
DRAINED = 10.0
"""Seconds within which the service must be gone once it is told to stop."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(settings: Settings) -> Callable[..., Any]:
    """served(**changes): (process, client) of the service; the database stays from one to the next."""

    @contextmanager
    def run(**changes: Any) -> Iterator[tuple[subprocess.Popen, httpx.Client]]:
        chosen = settings.model_copy(update={"port": free_port(), **changes})
        with process(chosen, SERVICE) as child:
            client = httpx.Client(base_url=f"http://127.0.0.1:{chosen.port}", timeout=PATIENCE)
            until(lambda: ready(client) or child.poll() is not None)
            assert child.poll() is None, "the service could not start"
            yield child, client

    return run


def ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def upload(radius: float) -> dict[str, Any]:
    return {"file": ("ball.pt", network_bytes(UPLOADED, ball(UPLOADED, radius)))}


def raw(client: httpx.Client, text: str) -> socket.socket:
    """A connection on which so much has been sent, with a small buffer for what comes back."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect((client.base_url.host, client.base_url.port))
    made.sendall(text.replace("\n", "\r\n").encode())
    return made


HALF = """POST /embed HTTP/1.1
Host: x
Content-Type: multipart/form-data; boundary=x
Content-Length: 100000

--x
Content-Disposition: form-data; name="file"; filename="a.pt"

PK"""
SLOW = "GET /latents/tiny.ball-0/mesh?resolution=256&format=obj HTTP/1.1\nHost: x\n\n"


def test_half_open_uploads_and_slow_readers_hold_no_worker(served: Callable[..., Any]) -> None:
    with served() as (_, client), ExitStack() as stalled:
        for text in [HALF] * 60 + ["POST /embed HTT"] * 20 + [SLOW] * 6:
            stalled.enter_context(raw(client, text))
        assert client.get("/healthz").status_code == 200
        assert client.post("/embed", files=upload(0.6)).status_code == 201
        assert client.post("/points", files={"file": ("a.stl", hostile_clouds.GOOD["stl"])}).status_code == 201
        assert client.get("/latents/tiny.ball-0/mesh?resolution=16").status_code == 200
        queues = [line for line in client.get("/metrics").text.splitlines() if line.startswith("netspace_queue")]
        assert len(queues) >= 2


def test_clients_that_stall_do_not_keep_the_service_from_ending(served: Callable[..., Any]) -> None:
    with served() as (child, client), ExitStack() as stalled:
        for text in [HALF] * 5 + [SLOW] * 5:
            stalled.enter_context(raw(client, text))
        client.get("/latents/tiny.ball-0/mesh?resolution=16")
        begun = time.monotonic()
        child.terminate()
        child.wait(60)
        assert time.monotonic() - begun < DRAINED


def listen(client: httpx.Client, path: str, heard: list[str]) -> None:
    with suppress(httpx.TransportError), client.stream("GET", f"{path}/events", timeout=60) as answer:
        heard.extend(answer.iter_lines())
        heard.append("ended")


def test_sigterm_ends_it_in_time_and_nothing_that_was_promised_is_lost(served: Callable[..., Any]) -> None:
    """Uploads that were answered are kept, streams end, jobs are handed back and done by the next service."""
    answers: list[Any] = []
    heard: list[str] = []

    def embed(radius: float) -> None:
        with suppress(httpx.TransportError):
            answers.append(client.post("/embed", files=upload(radius)))

    with served(worker=True, chunk_seconds=0.2) as (child, client):
        jobs = [client.post("/jobs", json=attributes(steps=200, seed=i)).headers["location"] for i in range(3)]
        until(lambda: client.get(jobs[0]).json()["step"] >= 20)
        uploads = [threading.Thread(target=embed, args=(0.5 + 0.01 * i,)) for i in range(3)]
        watching = threading.Thread(target=listen, args=(client, jobs[0], heard))
        for thread in (*uploads, watching):
            thread.start()
        until(lambda: heard)
        begun = time.monotonic()
        child.terminate()
        assert child.wait(60) == 0
        assert time.monotonic() - begun < DRAINED
        for thread in (*uploads, watching):
            thread.join(30)
        step = max(json.loads(line[6:])["data"].get("step", 0) for line in heard if line.startswith("data: "))
    assert heard[-1] == "ended", "the stream ends well, and is taken up again by its client"
    with served(worker=True) as (_, client):
        for answer in answers:
            if answer.status_code == 503:  # too late: it was told so, and nothing is kept of it
                assert answer.headers["retry-after"]
                continue
            assert answer.status_code == 201, answer.text
            assert client.get(f"/latents/{answer.json()['id']}").json()["name"] == "ball"
        assert client.get(jobs[0]).json()["step"] >= step
        until(lambda: all(client.get(job).json()["status"] == "done" for job in jobs), PATIENCE)


def check_whole(file: Path) -> int:
    """The number of latents, each of which is whole."""
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = database.execute("SELECT vector, network, picture, architecture FROM latents").fetchall()
    for vector, network, picture, architecture in rows:
        assert vector_from(vector).isfinite().all()
        assert read_network(network)[0] == UPLOADED
        Image.open(io.BytesIO(picture)).verify()
        assert json.loads(architecture)
    return len(rows)


def test_kill_9_during_embed_leaves_no_half_written_latent(served: Callable[..., Any], settings: Settings) -> None:
    rng, known = random.Random(0), 0
    for round_ in range(4):
        with served() as (child, client):
            listed = client.get("/spaces/tiny/latents?origin=upload").json()
            assert listed["total"] == known
            for item in listed["items"]:
                assert client.get(f"/latents/{item['id']}/network?of=input").status_code == 200

            answered: list[int] = []

            def embed(client: httpx.Client = client, seed: int = round_, answered: list[int] = answered) -> None:
                with suppress(httpx.TransportError):
                    for i in range(1000):
                        answer = client.post("/embed", files=upload(0.4 + 0.01 * seed + 0.00001 * i))
                        answered.append(answer.status_code)

            uploading = threading.Thread(target=embed)
            uploading.start()
            until(lambda answered=answered: answered, PATIENCE)
            time.sleep(rng.random())
            child.send_signal(signal.SIGKILL)
            child.wait()
            uploading.join(30)
        assert set(answered) == {201}
        before, known = known, check_whole(database_file(settings))
        assert known >= before + len(answered)


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


def test_hostile_files_leave_the_services_memory_as_it_was(served: Callable[..., Any], tmp_path: Path) -> None:
    """The first pass pays for what is allocated once; the next one costs nothing."""
    made = {
        "/points": hostile_clouds.corpus(tmp_path / "canary"),
        "/embed": hostile.corpus(tmp_path / "canary"),
    }
    held = []
    with served(max_upload_bytes=64 << 20) as (child, client):
        for _ in range(2):
            for path, files in made.items():
                for name, make in files.items():
                    assert client.post(path, files={"file": ("x", make())}).status_code == 422, name
            held.append(resident(child.pid))
        assert client.post("/embed", files={"file": ("a.pt", network_bytes(TINY, ball(TINY, 0.6)))}).status_code == 201
    assert held[1] - held[0] < 16 << 20


def test_a_database_that_is_locked_is_told_by_readyz_and_in_words(
    served: Callable[..., Any], settings: Settings
) -> None:
    file = database_file(settings)
    with served() as (_, client):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        for answer in (client.get("/readyz"), client.post("/embed", files=upload(0.6))):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
        other.execute("ROLLBACK")
        assert client.post("/embed", files=upload(0.6)).status_code == 201
        assert ready(client)
