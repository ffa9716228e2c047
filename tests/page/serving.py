"""The application for the page, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPACE = Path(os.environ.get("NETSPACE_SPACES", ROOT / "checkpoints" / "chairs"))
"""One space; named by the same variable as the server's own."""
START_SECONDS = 120


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@contextmanager
def real_server(folder: Path, spaces: Path = SPACE, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The application in a process of its own, with a database in `folder`; yields its address."""
    port = free_port()
    address, log = f"http://127.0.0.1:{port}", folder / "server.log"
    environment = {
        **os.environ,
        "NETSPACE_PORT": str(port),
        "NETSPACE_DATABASE_URL": f"sqlite:///{folder / 'netspace.sqlite'}",
        "NETSPACE_SPACES": str(spaces),
        **(settings or {}),
    }
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_ready(address):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start:\n{log.read_text()[-4000:]}")
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)
