"""What every journey through the page does: open it, wait for it to rest, read what the stage says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from drawing import NO_WEBGL
from playwright.sync_api import Browser, Page, expect

PATIENCE = 180_000
"""Milliseconds until something is taken not to happen: on a busy machine all takes its time."""
RESTED = re.compile("128")
"""Cells a side of the grid at rest."""


@contextmanager
def page_without_webgl(browser: Browser, height: int = 860) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": height})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    opened.add_init_script(NO_WEBGL)
    yield opened
    context.close()


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    rest(page)


def rest(page: Page) -> None:
    """Waits until the fine shape of what is looked at is shown."""
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-pending", "false")
    expect(stage).to_have_attribute("data-resolution", RESTED)


def stage_says(page: Page, name: str, value: str | re.Pattern[str]) -> None:
    expect(page.locator("#stage")).to_have_attribute(f"data-{name}", value)


def shown(page: Page, name: str) -> str:
    """What the stage says now."""
    return page.locator("#stage").get_attribute(f"data-{name}") or ""
