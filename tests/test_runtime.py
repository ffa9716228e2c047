import shutil
import sys

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


def test_without_a_compiler_a_function_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert runtime.compiled(len) is len
