"""Settings and the entry point."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from work import ROOT

from server.jobs.beside import environment_of
from server.serve import Server, serve
from server.settings import Settings

NAMES = ("HOST", "PORT", "DEVICE", "SPACES", "DATABASE_URL", "MAX_UPLOAD_BYTES", "FRONTEND")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    for name in NAMES:
        monkeypatch.delenv(f"NETSPACE_{name}", raising=False)


def test_the_defaults_suit_the_repository() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.device) == ("127.0.0.1", 8000, "auto")
    assert settings.spaces == Path("checkpoints")
    assert settings.database_url == "sqlite:///var/netspace.sqlite"
    assert settings.max_upload_bytes == 64 * 2**20


def test_each_field_has_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPACE_SPACES", "elsewhere")
    monkeypatch.setenv("NETSPACE_MAX_UPLOAD_BYTES", "1000")
    settings = Settings()
    assert (settings.spaces, settings.max_upload_bytes) == (Path("elsewhere"), 1000)


def test_port_is_honoured_and_netspace_port_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    assert Settings().port == 9001
    monkeypatch.setenv("NETSPACE_PORT", "9002")
    assert Settings().port == 9002


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("PORT", "70000"), ("MAX_UPLOAD_BYTES", "0")])
def test_a_setting_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"NETSPACE_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_serve_runs_the_application_where_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, settings_in: Callable[..., Settings], tmp_path: Path
) -> None:
    ran: list[Server] = []

    def run(self: Server) -> None:
        ran.append(self)
        self.started = True

    monkeypatch.setattr(Server, "run", run)
    serve(settings_in(tmp_path, host="0.0.0.0", port=9003))
    (server,) = ran
    assert isinstance(server.config.app, FastAPI)
    assert (server.config.host, server.config.port) == ("0.0.0.0", 9003)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"NETSPACE_PORT": "http"}, "NETSPACE_PORT"),
        ({"NETSPACE_SPACES": "BROKEN"}, "config.json"),
        ({"NETSPACE_DATABASE_URL": "sqlite:////proc/nowhere/n.sqlite"}, "NetSpace cannot start"),
        ({"NETSPACE_DATABASE_URL": "sqlite:////proc/version"}, "NETSPACE_DATABASE_URL"),
        ({"NETSPACE_DEVICE": "toaster"}, "toaster"),
    ],
)
def test_a_service_that_cannot_start_says_why_in_a_sentence(
    tmp_path: Path, space_folder: Path, variables: dict[str, str], words: str
) -> None:
    (tmp_path / "BROKEN").mkdir()
    (tmp_path / "BROKEN" / "config.json").write_text("{")
    fine = {"NETSPACE_SPACES": str(space_folder), "NETSPACE_DATABASE_URL": f"sqlite:///{tmp_path}/n.sqlite"}
    environment = {**os.environ, **fine, **variables, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "server"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    "changes",
    [{}, {"keep_uploads": "7d"}, {"worker": False, "rate_limit": ""}, {"port": 9004, "spaces": Path("else where")}],
)
def test_a_worker_beside_the_service_reads_the_same_settings(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(**changes)
    environment = environment_of(settings)
    for name in [name for name in environment if name.startswith("NETSPACE_")]:
        monkeypatch.setenv(name, environment[name])
    assert Settings() == settings
