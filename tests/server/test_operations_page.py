"""docs/operations.md, and what docs/jobs.md and docs/explorer.md promise, against the code: what they name exists."""

import re
from pathlib import Path

import pytest

from netspace import claims, pt_file, safetensors_file
from netspace.data import clouds, shape_file
from server import serve, uploads
from server.reader import Limits
from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
JOBS = (ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
EXPLORER = (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE + JOBS + EXPLORER)))


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_on_the_page(field: str) -> None:
    assert f"`NETSPACE_{field.upper()}`" in PAGE


def test_every_variable_on_the_page_is_a_setting() -> None:
    named = {name.lower() for name in re.findall(r"`NETSPACE_(\w+)`", PAGE)}
    assert named == set(Settings.model_fields)


@pytest.mark.parametrize(("path", "name"), TESTS, ids=[name for _, name in TESTS])
def test_every_promise_names_a_test_that_exists(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [PAGE, JOBS, EXPLORER], ids=["operations", "jobs", "explorer"])
def test_every_promise_has_a_test(page: str) -> None:
    table, _, _ = page.partition("| promise | shown by |\n")[2].partition("\n\n")
    rows = table.splitlines()[1:]
    assert len(rows) >= 15
    assert all("::test_" in row for row in rows)


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"{limits.cpu_seconds} s of CPU, {limits.wall_seconds:g} s, {limits.memory >> 30} GiB" in PAGE
    values = f"{claims.MAX_ELEMENTS // 10**6} million, {claims.MAX_TENSORS:,}, {claims.MAX_DIMENSIONS}"
    assert values in PAGE
    pickle = (
        f"{pt_file.MAX_PICKLE >> 20} MiB, {pt_file.MAX_INSTRUCTIONS:,} instructions, {pt_file.MAX_DEPTH} containers"
    )
    assert pickle in PAGE
    shapes = (
        f"{shape_file.MAX_FACES:,} triangles, {shape_file.MAX_VERTICES:,} vertices, {shape_file.MAX_JSON >> 20} MiB"
    )
    assert f"{shapes} of a glb's JSON; {clouds.MOST:,} points" in PAGE
    assert f"{uploads.SLOWEST // 1000} kB/s after {uploads.PATIENCE:g} s" in PAGE
    assert f"gives requests in hand {serve.GRACE} seconds" in PAGE.replace("\n", " ")
    assert f"{safetensors_file.MAX_HEADER // 10**6} MB" in PAGE
    assert f"{Settings.model_fields['max_upload_bytes'].default >> 20} MiB" in PAGE
