"""A zoo built by the workers of the jobs, one shard a job."""

import json
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
import torch
from faults import fast
from work import process, until

from netspace.cli import main
from netspace.errors import BadZoo, NetSpaceError
from netspace.zoo import Zoo, ZooConfig, start_zoo
from server.jobs.queue import queue_url
from server.jobs.zoo import build_on_queue
from server.settings import Settings

CRASH = """
import os
import server.jobs.zoo as zoo
zoo.build_shard = lambda *_: os._exit(1)
from server.jobs.worker import work
work()
"""


def launched(settings: Settings) -> bool:
    """Whether a worker has made the queue's tables."""
    engine = sa.create_engine(queue_url(settings.database_url))
    try:
        return sa.inspect(engine).has_table("queues")
    finally:
        engine.dispose()


def test_shards_are_built_by_workers_and_taken_over_from_one_that_dies(
    settings: Settings,
    zoo: Zoo,
    zoo_config: ZooConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "zoo"
    (tmp_path / "zoo.json").write_text(json.dumps(zoo_config.to_json()))
    monkeypatch.setenv("NETSPACE_DATABASE_URL", settings.database_url)
    monkeypatch.setattr(
        sys, "argv", ["netspace", "zoo", "build", str(root), "--config", str(tmp_path / "zoo.json"), "--queue"]
    )
    codes = []

    def command() -> None:
        with pytest.raises(SystemExit) as ended:
            main()
        codes.append(ended.value.code)

    with process(fast(settings), CRASH) as dying:
        until(lambda: launched(settings))
        thread = threading.Thread(target=command)
        thread.start()
        until(lambda: dying.poll() == 1)
    with process(fast(settings)):
        thread.join(180)
    assert codes == [0]
    assert json.loads(capsys.readouterr().out)["networks"] == len(zoo.networks)
    everyone = list(range(len(zoo.networks)))
    torch.testing.assert_close(Zoo.open(root).theta(everyone), zoo.theta(everyone), atol=1e-4, rtol=1e-3)


FAIL = """
import server.jobs.zoo as zoo
def fail(*_):
    raise ValueError("no such mesh")
zoo.build_shard = fail
from server.jobs.worker import work
work()
"""


def test_a_shard_that_cannot_be_built_is_said_with_its_reason(
    settings: Settings, zoo_config: ZooConfig, tmp_path: Path
) -> None:
    start_zoo(tmp_path / "zoo", zoo_config)
    with process(fast(settings), FAIL):
        until(lambda: launched(settings))
        with pytest.raises(BadZoo, match=r"shard \d: .*no such mesh"):
            build_on_queue(tmp_path / "zoo", settings.database_url)


def test_a_database_that_no_worker_uses_is_refused(settings: Settings, zoo_config: ZooConfig, tmp_path: Path) -> None:
    start_zoo(tmp_path / "zoo", zoo_config)
    with pytest.raises(NetSpaceError, match="a database that a worker uses"):
        build_on_queue(tmp_path / "zoo", settings.database_url)
