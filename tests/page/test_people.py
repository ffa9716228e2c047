"""For people: what a screen reader hears, less motion, a phone, a pointer that is a finger, no colours."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import open_page, page_without_webgl, stage_says
from playwright.sync_api import Browser, Page, expect

LINE = "?a=chair-003&b=chair-005"
NAMELESS = """() => [...document.querySelectorAll("button, a[href], input, select, [role=button], [tabindex='0']")]
    .filter((node) => node.checkVisibility())
    .filter((node) => ![
        node.getAttribute("aria-label"), node.getAttribute("aria-labelledby"), node.textContent,
        ...[...(node.labels ?? [])].map((label) => label.textContent),
    ].some((words) => words?.trim()))
    .map((node) => node.outerHTML.slice(0, 120))"""
"""Controls that can be seen and have no name."""
UNTOLD = """() => ["aria-labelledby", "aria-describedby", "aria-controls"]
    .flatMap((name) => [...document.querySelectorAll(`[${name}]`)].map((node) => node.getAttribute(name)))
    .flatMap((ids) => ids.split(" ").filter(Boolean))
    .filter((id) => !document.getElementById(id))"""
"""Ids that labels refer to and nothing has."""
LEVELS = """() => [...document.querySelectorAll("h1, h2, h3")]
    .filter((heading) => heading.checkVisibility())
    .map((heading) => Number(heading.tagName[1]))"""
OUTLINES = """(marks) => marks.map((mark) => {
    const { data } = mark.getContext("2d").getImageData(0, 0, mark.width, mark.height);
    return data.filter((_, i) => i % 4 === 3).join(" ");
})"""
"""What is covered of each mark: its shape without its colour."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_without_webgl(browser) as opened:
        yield opened


def test_every_control_has_a_name_and_every_label_is_there(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}")
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate(UNTOLD) == []
    for role, name in (("slider", "on the line from A to B"), ("application", "Map of"), ("region", "Jobs")):
        expect(page.get_by_role(role, name=re.compile(name)).first).to_be_attached()


def test_headings_and_regions_give_the_page_an_outline(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}")
    levels = page.evaluate(LEVELS)
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the line")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#slider"))


def test_the_slider_and_the_map_say_where_they_are(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}")
    slider = page.locator("#slider")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"0\.02"))
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map-says")).not_to_be_empty()
    expect(page.locator("#map-says")).to_have_attribute("aria-live", "polite")


def test_whoever_wants_less_motion_gets_none_that_was_not_asked_for(page: Page, fake_address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.route("**/mesh?*t=0.5*", lambda _: None)  # a shape that never comes: the bar would slide
    page.goto(f"{fake_address}/{LINE}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    page.locator("#slider").fill("30")
    expect(page.locator("#stage")).to_have_attribute("data-pending", "true")
    moving = page.evaluate("document.getAnimations().filter((one) => one.playState === 'running').length")
    assert moving == 0
    page.locator("#map-projection").select_option("tsne")
    expect(page.locator("#map-projection")).to_have_value("tsne")
    assert page.evaluate("document.getAnimations().length") == 0


def test_kinds_on_the_map_differ_without_colours(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}&colour=base")
    expect(page.locator("#map-legend .kind")).not_to_have_count(0)
    outlines = page.locator("#map-legend .kind canvas").evaluate_all(OUTLINES)
    assert len(outlines) == page.locator("#map-legend .kind").count()
    assert len(set(outlines)) == len(outlines)


@pytest.mark.parametrize("width", [360, 390, 768])
def test_nothing_is_wider_than_a_small_screen_and_what_is_touched_is_large_enough(
    page: Page, fake_address: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    open_page(page, f"{fake_address}/{LINE}&t=0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("#play", "#to-a", "#to-b", "#swap", "#get-glb", "#tray-toggle", "#map-in"):
        box = page.locator(name).bounding_box()
        assert box, name
        assert min(box["width"], box["height"]) >= 24, name
    page.locator("#slider").fill("45")
    stage_says(page, "t", "0.7500")


def test_dark_and_light_follow_the_device_until_they_are_chosen(page: Page, fake_address: str) -> None:
    page.emulate_media(color_scheme="dark")
    open_page(page, f"{fake_address}/{LINE}")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
