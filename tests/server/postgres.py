"""A PostgreSQL server of the tests' own: started on a free port, removed with its data."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder of initdb and postgres, or None where they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    found = shutil.which("initdb")
    return next((p for p in folders if (p / "initdb").exists()), Path(found).parent if found else None)


def ordinary_user() -> str | None:
    """Who runs the server, which refuses root; None for the present user."""
    return "nobody" if os.geteuid() == 0 else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Runs a server of the programs in `folder`; its URL without a database's name."""
    user, data = ordinary_user(), Path(tempfile.mkdtemp(prefix="netspace-postgres-"))
    if user is not None:
        shutil.chown(data, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = [folder / "initdb", "-D", data, "-U", "netspace", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")
    start = [folder / "postgres", "-D", data, "-p", str(port), "-k", data, "-h", "127.0.0.1"]
    with (data / "log").open("w") as log:
        child = subprocess.Popen(start, user=user, stderr=log, cwd="/")
    try:
        _wait(port, data / "log")
        yield f"postgresql+psycopg://netspace@127.0.0.1:{port}"
    finally:
        child.send_signal(signal.SIGINT)  # which does not wait for clients
        child.wait()
        shutil.rmtree(data)


def _wait(port: int, log: Path) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and "ready to accept" in log.read_text():
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
