"""A browser and a server for the page: the real one where a space is at hand, else the contract without a model."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from serving import ROOT, SPACE, real_server

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WEBGL = ["--no-sandbox", "--enable-unsafe-swiftshader"]


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
