"""Files that mean harm: each is refused in words and in time, nothing of it runs, and the service is as it was."""

import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from answers import REFUSED_WITHIN_SECONDS, assert_refused
from fastapi.testclient import TestClient
from hostile import ARCH, GOOD_PT, GOOD_SAFETENSORS, THETA, Calls, corpus, executing, pt
from tiny import TINY, UPLOADED, ball

from netspace.checkpoint import network_bytes, read_network
from netspace.errors import NetSpaceError, NotACheckpoint
from server.app import create_app
from server.loader import Loader, can_isolate
from server.reader import Limits

FEW_SECONDS = Limits(cpu_seconds=1, wall_seconds=2.0, memory=256 << 20)

isolated = pytest.mark.skipif(not can_isolate, reason="this platform cannot fork and limit a process")


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("canary") / "sings"


@pytest.fixture(scope="module")
def loader() -> Iterator[Loader]:
    made = Loader()
    yield made
    made.close()


def resident() -> int:
    """Bytes of memory that this process holds."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_the_corpus_is_large_and_its_pickles_are_harmful(canary: Path) -> None:
    assert len(corpus(canary)) >= 60
    pickle.loads(dict(executing(canary))["a bare pickle"]())
    assert canary.exists(), "the files must be able to do harm"
    canary.rmdir()


@pytest.fixture(scope="module")
def answers(settings_in, tmp_path_factory: pytest.TempPathFactory, canary: Path) -> dict[str, dict]:
    """What the service says to every file of the corpus, with the seconds it took and the memory it held after all."""
    settings = settings_in(tmp_path_factory.mktemp("hostile"), max_upload_bytes=64 << 20)
    found = {}
    with TestClient(create_app(settings)) as client:
        good = {"file": ("good.pt", network_bytes(UPLOADED, ball(UPLOADED, 0.58)))}
        assert client.post("/embed", files=good).status_code == 201
        before = resident()
        for name, make in corpus(canary).items():
            content, begun = make(), time.monotonic()
            answer = client.post("/embed", files={"file": ("<img onerror=alert(1)>.pt", content)})
            found[name] = {"answer": answer, "seconds": time.monotonic() - begun, "executed": canary.exists()}
            del content
        found["grown"] = {"bytes": resident() - before}
        again = {"file": ("good.pt", network_bytes(TINY, ball(TINY, 0.6)))}
        found["good"] = {"status": client.post("/embed", files=again).status_code}
        found["kept"] = {"total": client.get("/spaces/tiny/latents?origin=upload").json()["total"]}
    return found


@pytest.mark.parametrize("name", corpus(Path("canary")))
def test_a_hostile_file_is_refused_in_a_sentence_and_in_time(answers: dict[str, dict], name: str) -> None:
    assert_refused(answers[name])


def test_after_all_of_them_memory_is_back_and_the_next_good_file_is_embedded(answers: dict[str, dict]) -> None:
    assert answers["good"]["status"] == 201
    assert answers["kept"]["total"] == 2, "of the hostile ones nothing was stored"
    assert answers["grown"]["bytes"] < 128 << 20


@pytest.mark.parametrize("name", corpus(Path("canary")))
def test_the_library_alone_refuses_it_as_well(canary: Path, name: str) -> None:
    with pytest.raises(NetSpaceError):
        read_network(corpus(canary)[name]())
    assert not canary.exists()


@isolated
@pytest.mark.parametrize("content", [GOOD_PT, GOOD_SAFETENSORS], ids=["pt", "safetensors"])
def test_what_a_child_reads_is_what_the_library_reads(loader: Loader, content: bytes) -> None:
    arch, theta = loader.read(content)
    assert arch == ARCH
    assert torch.equal(theta, THETA)


def told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> Loader:
    """A loader whose children run `code` where they would read a file."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'server.reader' in sys.orig_argv:\n    import netspace.checkpoint as c\n"
        "    def misbehave(content, real=c.read_network):\n"
        "        if content[:4] != b'PK\\x03\\x04' or len(content) < 3000:\n            return real(content)\n"
        + "".join(f"        {line}\n" for line in code.splitlines())
        + "    c.read_network = misbehave\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return Loader(FEW_SECONDS)


LARGE = network_bytes(UPLOADED, ball(UPLOADED, 0.5))
"""Large enough to be told from the files that warm the reader up."""

MISBEHAVIOURS = {
    "it calculates for ever": "while True: pass",
    "it sleeps": "import time; time.sleep(60)",
    "it takes all memory": "return b'x' * (300 << 20)",
    "it kills itself": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "it writes a file": "open('CANARY', 'w').write('x' * 10)",
    "it raises": "raise LookupError('a secret')",
}


@isolated
@pytest.mark.parametrize("code", MISBEHAVIOURS.values(), ids=MISBEHAVIOURS)
def test_a_child_that_misbehaves_is_ended_and_the_next_file_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    canary = tmp_path / "canary"
    loader = told_to(monkeypatch, tmp_path, code.replace("CANARY", str(canary)))
    begun = time.monotonic()
    try:
        loader.read(GOOD_SAFETENSORS)  # warm
        begun = time.monotonic()
        with pytest.raises(NotACheckpoint) as refused:
            loader.read(LARGE)
        assert time.monotonic() - begun < REFUSED_WITHIN_SECONDS
        assert "secret" not in str(refused.value)
        assert not canary.exists() or canary.stat().st_size == 0
        assert loader.read(GOOD_SAFETENSORS)[0] == ARCH
    finally:
        loader.close()


@isolated
def test_a_child_has_no_network_where_the_platform_allows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import socket\ns = socket.create_connection(('127.0.0.1', PORT), 1)\nreturn real(content)"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        loader = told_to(monkeypatch, tmp_path, code.replace("PORT", str(listening.getsockname()[1])))
        try:
            if loader.facts()["network"]:
                pytest.skip("user namespaces are not allowed here")
            with pytest.raises(NotACheckpoint, match="OSError"):
                loader.read(LARGE)
        finally:
            loader.close()


BREEDING = """
import encodings.ascii, json, os, threading  # all that is needed: that user may read none of these files
from server.reader import Limits, apply_limits
if os.geteuid() == 0:
    os.setuid(65534)  # root is above this limit; services are not root
tried = {"a process": os.fork, "a thread": threading.Thread(target=print).start}
apply_limits(Limits())
refused = []
for name, start in tried.items():
    try:
        start()
    except (OSError, RuntimeError):
        refused.append(name)
print(json.dumps(refused))
"""


@isolated
def test_a_child_of_an_ordinary_user_starts_neither_processes_nor_threads() -> None:
    done = subprocess.run([sys.executable, "-c", BREEDING], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["a process", "a thread"]


@isolated
def test_the_warm_process_has_one_thread_and_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPACE_API_KEYS", "secret")
    loader = Loader()
    try:
        assert loader.facts()["threads"] == 1
        assert b"secret" not in Path(f"/proc/{loader.pid}/environ").read_bytes()
    finally:
        loader.close()


@isolated
def test_a_warm_process_that_was_killed_is_started_again(loader: Loader) -> None:
    loader.read(GOOD_PT)
    assert loader.pid is not None
    os.kill(loader.pid, signal.SIGKILL)
    assert loader.read(GOOD_PT)[0] == ARCH


def test_a_platform_without_fork_reads_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.loader.can_isolate", False)
    loader = Loader()
    loader.start()
    assert loader.read(GOOD_PT)[0] == ARCH
    assert loader.pid is None
    with pytest.raises(NotACheckpoint):
        loader.read(GOOD_PT[:-1])


def test_a_call_in_a_pickle_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotACheckpoint, match="mkdir"):
        read_network(pt({"x": Calls(os.mkdir, str(tmp_path / "x"))}))


@isolated
def test_a_warm_process_whose_server_was_killed_ends_without_a_word() -> None:
    """A server that dies with an answer unread resets the connection instead of closing it."""
    ours, theirs = socket.socketpair()
    arguments = [sys.executable, "-m", "server.reader", str(theirs.fileno()), json.dumps(asdict(Limits()))]
    root = Path(__file__).resolve().parents[2]
    with theirs:
        warm = subprocess.Popen(arguments, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, cwd=root)
    with ours:
        select.select([ours], [], [], 120)  # it is ready, and has said so
    _, said = warm.communicate(timeout=60)
    assert (warm.returncode, said) == (0, b"")
