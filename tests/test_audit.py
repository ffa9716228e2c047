"""The bill of materials lists what is pinned, and everything that is pinned has a hash."""

import json
import re
from itertools import chain
from pathlib import Path

import pytest

from scripts.audit import ROOT, bill, page_components, python_components

REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def test_the_bill_lists_every_pin_and_what_the_page_needs() -> None:
    found = bill("1.0")
    assert (found["bomFormat"], found["metadata"]["component"]["version"]) == ("CycloneDX", "1.0")
    listed = {component["purl"] for component in found["components"]}
    pins = re.findall(r"^([\w.-]+)==([^ ]+)", (ROOT / "requirements" / "runtime.txt").read_text(), re.M)
    assert {f"pkg:pypi/{name}@{version}" for name, version in pins} < listed
    three = json.loads((ROOT / "frontend" / "package.json").read_text())["dependencies"]["three"]
    assert f"pkg:npm/three@{three}" in listed


def test_names_and_versions_are_read_from_both_kinds_of_lock() -> None:
    lock = {"packages": {"": {}, "node_modules/a/node_modules/@b/c": {"version": "2"}, "node_modules/d": {"dev": True}}}
    assert [part["purl"] for part in page_components(lock)] == ["pkg:npm/@b/c@2"]
    assert [part["purl"] for part in python_components("a-b==1.0 \\\n    --hash=sha256:x\n# c==2\n")] == [
        "pkg:pypi/a-b@1.0"
    ]


def test_pytorch_is_pinned_to_the_same_version_for_both_indices() -> None:
    pinned = [re.findall(r"^torch==(\S+)", path.read_text(), re.M) for path in REQUIREMENTS]
    assert len(set(chain(*pinned))) == 1
    assert len(list(chain(*pinned))) == 2


def test_images_are_named_by_digest() -> None:
    docker, compose = ((ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yml"))
    bases = re.findall(r"^ARG BASE=(\S+)", docker, re.M)
    used = [image for image in re.findall(r"^ +image: (\S+)", compose, re.M) if image != "netspace"]
    assert set(re.findall(r"^FROM (\S+)", docker, re.M)) == {"${BASE}"}
    assert len(bases) == 1
    assert len(used) >= 2
    assert all(re.fullmatch(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}", image) for image in (*bases, *used))


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_everything_that_is_installed_is_pinned_by_hash(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith(("#", "-r"))]
    assert pins
    assert all(re.match(r"[a-z0-9.-]+==\S+( ;.*)? .*--hash=sha256:[0-9a-f]{64}", pin) for pin in pins)
