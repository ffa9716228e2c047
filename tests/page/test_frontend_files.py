"""The page's files: nothing from elsewhere, nothing third-party, one pinned dependency."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FRONTEND = Path(__file__).resolve().parents[2] / "frontend"
REGISTRY = "https://registry.npmjs.org/"
NAMESPACES = {"http://www.w3.org/2000/svg"}
LOOPBACK = "http://127.0.0.1:"
"""This very machine is no other host."""
FILES = [p for p in sorted(FRONTEND.rglob("*")) if p.is_file() and "node_modules" not in p.parts]


def test_no_file_of_the_page_refers_to_another_host():
    for path in FILES:
        if path.name == "package-lock.json":
            continue
        named = set(re.findall(r"https?://[^\s\"'`)<>]+", path.read_text())) - NAMESPACES
        foreign = {address for address in named if not address.startswith(LOOPBACK)}
        assert foreign == set(), f"{path.name} refers to {foreign}"


def test_the_only_inline_script_is_the_import_map_and_styles_are_files():
    page = (FRONTEND / "index.html").read_text()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.S)
    assert [attributes for attributes, body in scripts if body.strip()] == [' type="importmap"']
    assert not re.search(r"\sstyle=|<style|\son\w+=", page)


def test_data_never_becomes_markup():
    for path in (FRONTEND / "js").glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", path.read_text()), path.name


def imported(name: str, known: set[str]) -> set[str]:
    """Modules that a module needs before it runs, and theirs."""
    for found in re.findall(r'^import[^;]*?"\./([^"]+)"', (FRONTEND / "js" / name).read_text(), re.M):
        if found not in known:
            known = imported(found, known | {found})
    return known


def test_the_page_asks_at_once_for_every_module_that_it_starts_with():
    page = (FRONTEND / "index.html").read_text()
    asked = re.findall(r'<link rel="modulepreload" href="/static/js/([^"]+)">', page)
    assert len(asked) == len(set(asked))
    assert set(asked) == imported("main.js", set())


def test_what_the_page_starts_with_needs_neither_three_nor_plotly():
    for name in imported("main.js", set()):
        text = (FRONTEND / "js" / name).read_text()
        assert not re.search(r'^import[^;]*?"three', text, re.M), name


def test_every_file_that_the_page_names_exists():
    page = (FRONTEND / "index.html").read_text()
    for name in re.findall(r'(?:src|href)="/static/([^"]+)"', page):
        assert (FRONTEND / name).is_file(), name


def test_every_picture_and_page_that_the_docs_tell_of_exists():
    docs = FRONTEND.parent / "docs"
    told = (docs / "explorer.md").read_text()
    for name in re.findall(r"\]\(([\w/-]+\.(?:png|md))\)", told):
        assert (docs / name).is_file(), name


def test_the_lock_pins_three_and_names_no_other_registry():
    package = json.loads((FRONTEND / "package.json").read_text())
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    three = lock["packages"]["node_modules/three"]
    assert package["private"] is True
    assert package["dependencies"]["three"] == three["version"]
    assert three["integrity"].startswith("sha512-")
    assert all(p.get("resolved", REGISTRY).startswith(REGISTRY) for p in lock["packages"].values())


def test_the_pure_modules_keep_their_laws():
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("node is not installed")
        pytest.skip("node is not installed")
    tests = sorted(map(str, (FRONTEND / "tests").glob("*.test.js")))
    assert tests
    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
