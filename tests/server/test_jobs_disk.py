"""A disk that is really full: a small file system in memory, which only root can mount."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import faults
import pytest
from fastapi.testclient import TestClient
from work import process, services_of, until

from server.settings import Settings

pytestmark = pytest.mark.faults


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def settings(disk: Path, settings_in: Callable[..., Settings]) -> Settings:
    return settings_in(disk)


def fill(file: Path) -> None:
    """Until not one more byte can be written."""
    with file.open("wb", buffering=0) as sink:
        for size in (1 << 16, 1):
            try:
                while True:
                    sink.write(b"\0" * size)
            except OSError:
                continue


def test_a_job_waits_while_the_disk_is_full_and_is_done_when_there_is_room(
    service: TestClient, disk: Path, settings: Settings
) -> None:
    expected = faults.undisturbed(service)
    job = faults.job_of(service)
    with process(faults.fast(settings)) as worker:
        until(lambda: faults.under_way(service, job))
        fill(disk / "full")
        steps = until(lambda: refused(service, job))
        assert worker.poll() is None, "it waits"
        assert faults.state_of(service, job)["step"] >= steps, "what was recorded is still told"
        (disk / "full").unlink()
        until(lambda: faults.ended(service, job))
    assert faults.state_of(service, job)["status"] == "done"
    told = faults.progress_of(service, job)
    assert told == sorted(set(told))
    assert faults.vector_of(service, job).sub(expected).abs().max() < 1e-5
    assert services_of(service).store.find(faults.state_of(service, job)["result"])


def refused(service: TestClient, job: str) -> int:
    """The step that is recorded, once the service can write nothing any more; it says so in words."""
    answer = service.post("/jobs", json=faults.LONG)
    if answer.status_code != 503:
        assert answer.status_code in (202, 429)
        return 0
    assert answer.headers["retry-after"]
    return int(faults.state_of(service, job)["step"]) or 1
