import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from netspace import runtime
from netspace.errors import NetSpaceError


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.pick_device() == torch.device("cpu")


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.pick_device("auto") == torch.device("cuda")


def test_a_named_device_is_taken_as_it_is() -> None:
    assert runtime.pick_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize("name", ["foo", "cuda:x", "", "cpu:"])
def test_a_device_that_does_not_exist_is_refused_by_name(name: str) -> None:
    with pytest.raises(NetSpaceError, match=f"expected auto, cpu, cuda or cuda:N, got {name!r}"):
        runtime.pick_device(name)


def test_malloc_is_left_alone_where_it_is_not_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert runtime.keep_freed_memory() is False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc")
def test_threads_of_a_service_share_few_arenas() -> None:
    """Each thread keeps blocks that are too small to be mapped, at once; malloc tells of its arenas as XML."""
    code = """
import ctypes, threading
from netspace.runtime import keep_freed_memory
assert keep_freed_memory(ARENAS)
libc, meet = ctypes.CDLL(None), threading.Barrier(8)
libc.malloc.restype = ctypes.c_void_p
def work():
    meet.wait()
    for _ in range(100):
        libc.malloc(ctypes.c_size_t(10_000))
    meet.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""
    counts = []
    for arenas in ("2", "0"):
        run = [sys.executable, "-c", code.replace("ARENAS", arenas)]
        told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        counts.append(told.count("<heap nr="))
    assert counts[0] <= 2 < counts[1]


def test_without_a_compiler_a_function_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert runtime.compiled(len) is len


POOL = """
import sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from netspace.runtime import prepare_worker
from os import getpid

if __name__ == "__main__":
    with ProcessPoolExecutor(1, get_context("spawn"), prepare_worker, (1,)) as pool:
        print(pool.submit(getpid).result(), flush=True)
        pool.submit(time.sleep, 600).result()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process that its parent died")
def test_the_workers_of_a_killed_process_do_not_work_on(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(POOL)
    with subprocess.Popen([sys.executable, tmp_path / "main.py"], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    ended = Path(f"/proc/{worker}/stat")
    for _ in range(600):
        if not ended.exists() or ended.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail(f"worker {worker} outlived its parent")
