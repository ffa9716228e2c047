"""A browser and a server for the page: the real one where a space is at hand, else the contract without a model."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPACE = Path(os.environ.get("NETSPACE_SPACES", ROOT / "checkpoints" / "chairs"))
"""One space; named by the same variable as the server's own."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WEBGL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
NO_WEBGL = """const { getContext } = HTMLCanvasElement.prototype;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : getContext.call(this, kind, ...rest);
};"""
"""Said to a page before its own scripts: a browser that cannot draw in 3-D, and is all the faster."""
START_SECONDS = 120


def missing(reason: str) -> None:
    """Skips, except where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")  # its event loop must end before other tests start theirs
def browser():
    if find_spec("playwright") is None:
        missing("playwright is not installed")
    if not (ROOT / "frontend" / "node_modules" / "three").is_dir():
        missing("three.js is not installed: run `npm ci` in frontend/")
    from playwright.sync_api import Error, sync_playwright

    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        try:
            launched = playwright.chromium.launch(executable_path=executable, args=WEBGL)
        except Error as error:
            missing(f"no browser: neither {', '.join(CHROMIUM)} nor Playwright's own starts ({error.message[:200]})")
        yield launched
        launched.close()


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


@pytest.fixture(scope="session")
def fake_address() -> Iterator[str]:
    from fake_server import fake_server

    with fake_server() as address:
        yield address


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real server's address where there is one to start, else the fake's."""
    if (ROOT / "server" / "app.py").exists() and (SPACE / "config.json").exists():
        with real_server(tmp_path_factory.mktemp("server")) as started:
            yield started
    else:
        yield request.getfixturevalue("fake_address")
