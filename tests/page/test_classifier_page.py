"""The page in front of classifiers: a space that has learnt nothing, and drawn images."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from classifiers import LENET, image_folder
from drawing import NO_WEBGL
from serving import real_server
from tiny_classifiers import make_classifiers, network

from netspace.checkpoint import network_bytes

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import PATIENCE
from playwright.sync_api import Browser, Page, expect


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`cifar` of three architectures and `lenets` of one, with 20 test images."""
    root = tmp_path_factory.mktemp("classifiers")
    make_classifiers(root / "spaces" / "cifar")
    make_classifiers(root / "spaces" / "lenets", "lenets", (LENET,))
    images = image_folder(root / "images")
    settings = {"NETSPACE_IMAGES": str(images), "NETSPACE_EVALUATION_IMAGES": "20", "NETSPACE_CHUNK_SECONDS": "0.2"}
    with real_server(root, root / "spaces", settings) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    opened.add_init_script(NO_WEBGL)
    found: list[str] = []
    opened.on("pageerror", lambda error: found.append(str(error)))
    yield opened
    assert found == []
    context.close()


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    return page


def test_a_line_of_classifiers_tells_architectures_and_accuracies_instead_of_shapes(page: Page, address: str) -> None:
    opened(page, f"{address}/?space=cifar&a=cifar.net-0&b=cifar.net-2")
    expect(page.locator("#stages")).to_be_hidden()
    expect(page.locator("#here-accuracy")).to_have_text("20.0 %")
    expect(page.locator("#here-source")).to_contain_text("before this space shipped")
    expect(page.locator("#here-shares dt")).to_have_text(["LeNetLike", "VanillaCNN", "ResNet8"])
    expect(page.locator("#classes dt")).to_have_text(list("abcdefghij"))
    expect(page.locator("#classes-note")).to_have_text("On 20 test images.")
    expect(page.locator("#twins")).to_have_attribute("data-points", "3")
    page.locator("#plot").scroll_into_view_if_needed()
    expect(page.locator("#plot")).to_have_attribute("data-points", "13")
    expect(page.locator("#plot-note")).to_contain_text("of the images are put into the right class")
    page.locator("#to-b").click()
    expect(page.locator("#here-accuracy")).to_have_text("40.0 %")
    page.locator("#slider").press("ArrowLeft")
    expect(page.locator("#here-accuracy")).to_have_text(re.compile(r"^\d+\.\d %$"))
    expect(page.locator("#here-source")).to_contain_text("own test images")
    expect(page.locator("#classes dt")).to_have_text(list("abcdefghij"))
    expect(page.locator("#classes-note")).to_have_text("On 20 test images.")


def test_a_gallery_of_few_classifiers_says_why_it_has_no_slider_for_a_property(page: Page, address: str) -> None:
    opened(page, f"{address}/?space=cifar")
    note = page.locator("#directions [role=status]")
    expect(note).to_contain_text("This gallery has 3 networks; from 12 on")
    expect(page.locator("#along-pc1")).to_be_visible()


def test_classifiers_are_coloured_by_accuracy_architecture_and_split(page: Page, address: str) -> None:
    opened(page, f"{address}/?space=cifar")
    colour = page.locator("#map-colour")
    colour.select_option("architecture")
    expect(page.locator("#map-legend .kind")).to_have_count(3)
    colour.select_option("accuracy")
    expect(page.locator("#map-legend .ramp")).to_be_visible()
    colour.select_option("split")
    expect(page.locator("#map-legend .kind")).to_contain_text(["test"])


def test_raw_weights_of_one_architecture_are_plotted_beside_the_line(page: Page, address: str) -> None:
    opened(page, f"{address}/?space=lenets&a=lenets.net-0&b=lenets.net-2")
    expect(page.locator("#plot-note")).to_contain_text("Averaged raw weights fall to")
    page.locator("#of-weights").locator("xpath=..").click()
    expect(page.locator("#here-accuracy")).to_have_text("25.0 %")
    expect(page.locator("#fact-network")).to_contain_text("averaged from two networks")


def test_an_uploaded_classifier_is_judged_and_taught(page: Page, address: str, tmp_path: Path) -> None:
    opened(page, f"{address}/?space=cifar")
    (tmp_path / "mine.pt").write_bytes(network_bytes(LENET, network(LENET, 8)))
    page.set_input_files("#file", tmp_path / "mine.pt")
    card = page.locator("#upload-result article")
    expect(card).to_contain_text("Recognised: LeNetLike")
    expect(card).to_contain_text("Same class as its decoded twin")
    expect(card).to_contain_text("own test images")
    card.locator(".use.a").click()
    expect(page.locator("#distill-a")).to_have_text("mine")
    page.locator("#distill-start").click()
    expect(page.locator(".job").first).to_have_attribute("data-status", "done")
    expect(page.locator("#watch-name")).to_have_text("mine, taught")
    expect(page.locator("#here-accuracy")).to_have_text(re.compile(r"%$"))
    page.locator("#unwatch").click()
    expect(page.locator("#here-t")).to_contain_text("t = ")
