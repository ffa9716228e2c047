"""What moves is sketched where drawing is slow, and rests as if it had never been."""

import os
from collections.abc import Iterator

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import PATIENCE, open_page, rest, stage_says
from playwright.sync_api import Browser, Page, expect

LINE = "?a=chair-003&b=chair-005"
CLOCK = """(() => {
    const plain = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => plain.call(window, (now) => draw(now * %s));
})()"""
"""Said before the page's own scripts: a clock of frames that runs so much faster: frames seem slow, or never late."""
SLOW, QUICK = 100, 0
TURNED = """async () => {
    const stage = document.querySelector("#stage");
    const frame = () => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)));
    const sketched = [];
    for (let i = 0; i < 8; i++) {
        stage.dispatchEvent(new KeyboardEvent("keydown", { key: i % 2 ? "ArrowLeft" : "ArrowRight", bubbles: true }));
        for (let j = 0; j < 3; j++) await frame();
        sketched.push(stage.dataset.sketch);
    }
    return sketched;
}"""
"""Turns the shape to and fro; whether each step was sketched."""


@pytest.fixture(params=[SLOW, QUICK], ids=["slow", "quick"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 900, "height": 700}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    opened.add_init_script(CLOCK % request.param)
    opened.slow = request.param == SLOW  # type: ignore[attr-defined]
    yield opened
    context.close()


def seen(page: Page) -> bytes:
    stage_says(page, "sketch", "false")
    return page.locator("#stage").screenshot(animations="disabled")


def test_what_moved_rests_as_it_was_drawn_before_whether_it_was_sketched_or_not(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}")
    before = seen(page)
    sketched = page.evaluate(TURNED)
    assert sketched[-1] == ("true" if page.slow else "false")  # type: ignore[attr-defined]
    assert page.locator("#stage canvas.sketch").count() == int(page.slow)  # type: ignore[attr-defined]
    rest(page)
    assert seen(page) == before
