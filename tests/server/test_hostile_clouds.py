"""Meshes and points that mean harm: each is refused in words and in time, nothing of it runs, and jobs go on."""

import time
from pathlib import Path

import pytest
from answers import assert_refused
from fastapi.testclient import TestClient
from hostile_clouds import GOOD, corpus

from netspace.data.clouds import read_cloud
from netspace.errors import BadPointCloud
from server.app import create_app
from server.loader import Loader, can_isolate
from server.reader import Limits


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "sings"


@pytest.fixture(scope="module")
def answers(settings_in, tmp_path_factory: pytest.TempPathFactory, canary: Path) -> dict[str, dict]:
    """What the service says to every file of the corpus and the seconds it took."""
    settings = settings_in(tmp_path_factory.mktemp("hostile"), max_upload_bytes=64 << 20)
    found = {}
    with TestClient(create_app(settings)) as client:
        assert client.post("/points", files={"file": ("ball.stl", GOOD["stl"])}).status_code == 201
        for name, make in corpus(canary).items():
            content, begun = make(), time.monotonic()
            answer = client.post("/points", files={"file": ("<img onerror=alert(1)>.ply", content)})
            found[name] = {"answer": answer, "seconds": time.monotonic() - begun, "executed": canary.exists()}
            del content
        found["good"] = {kind: client.post("/points", files={"file": ("x", good)}) for kind, good in GOOD.items()}
    return found


def test_the_corpus_is_large() -> None:
    assert len(corpus(Path("canary"))) >= 60


@pytest.mark.parametrize("name", corpus(Path("canary")))
def test_a_hostile_file_is_refused_in_a_sentence_and_in_time(answers: dict[str, dict], name: str) -> None:
    assert_refused(answers[name])


def test_after_all_of_them_good_files_are_read(answers: dict[str, dict]) -> None:
    assert [answer.status_code for answer in answers["good"].values()] == [201] * len(GOOD)
    assert all(answer.json()["normals"] for answer in answers["good"].values())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", corpus(Path("canary")))
def test_the_library_alone_refuses_it_as_well(canary: Path, name: str) -> None:
    with pytest.raises(BadPointCloud):
        read_cloud(corpus(canary)[name]())
    assert not canary.exists()


@pytest.mark.skipif(not can_isolate, reason="this platform cannot fork and limit a process")
def test_a_file_that_takes_more_than_its_limits_is_refused_and_the_next_is_read() -> None:
    loader = Loader(Limits(memory=8 << 20))
    try:
        with pytest.raises(BadPointCloud):
            loader.read_cloud(b"0 0 0\n" * 190_000)
        assert loader.read_cloud(GOOD["glb"]).normals is not None
    finally:
        loader.close()


def test_a_platform_without_fork_reads_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.loader.can_isolate", False)
    assert Loader().read_cloud(GOOD["ply"]).normals is not None
