"""The line is played, its plot is loaded when it is seen, and what is asked for takes its time in sight."""

import os
import re
from collections.abc import Iterator

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import open_page, page_without_webgl, stage_says
from playwright.sync_api import Browser, Page, Route, expect

LINE = "?a=chair-003&b=chair-005"
MOVES = """() => {
    window.walked = [];
    const stage = document.querySelector("#stage");
    const note = () => window.walked.at(-1) === stage.dataset.t || window.walked.push(stage.dataset.t);
    new MutationObserver(note).observe(stage, { attributes: true, attributeFilter: ["data-t"] });
}"""
"""Notes every t that is shown."""
MAP = "() => document.querySelector('#map canvas').toDataURL()"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_without_webgl(browser) as opened:
        yield opened


def walked(page: Page) -> list[float]:
    return [float(t) for t in page.evaluate("window.walked")]


def test_a_line_that_is_played_comes_back_from_its_end(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}&t=0.9")
    expect(page.locator("#bounce")).to_have_attribute("aria-pressed", "true")
    page.evaluate(MOVES)
    page.locator("#play").click()
    stage_says(page, "t", "1.0000")
    stage_says(page, "t", re.compile(r"0\.[89]"))
    page.locator("#play").click()
    ts = walked(page)
    assert ts[: ts.index(1.0) + 1] == sorted(ts[: ts.index(1.0) + 1])
    assert ts[ts.index(1.0) + 1] < 1


def test_a_line_that_does_not_come_back_stops_at_its_end(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}&t=0.9")
    page.locator("#bounce").click()
    page.locator("#play").click()
    stage_says(page, "t", "1.0000")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Play the line")


def test_the_fastest_speed_takes_longer_steps_and_is_remembered(page: Page, fake_address: str) -> None:
    open_page(page, f"{fake_address}/{LINE}")
    page.locator("#speed").select_option("4")
    page.evaluate(MOVES)
    page.locator("#play").click()
    stage_says(page, "t", re.compile(r"0\.[2-9]"))
    page.locator("#play").click()
    ts = walked(page)
    assert max(later - earlier for earlier, later in zip([0.0, *ts], ts, strict=False)) == pytest.approx(
        2 / 60, abs=1e-3
    )
    page.reload()
    expect(page.locator("#speed")).to_have_value("4")


def test_plotly_is_loaded_once_a_plot_is_unfolded_and_tells_the_whole_line(page: Page, fake_address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, f"{fake_address}/{LINE}&shut=plot")
    assert not [url for url in asked if "vendor/plotly" in url]
    page.locator("[data-panel=plot] summary").click()
    expect(page.locator("#plot")).to_have_attribute("data-points", re.compile(r"\d\d"))
    assert len([url for url in asked if "vendor/plotly" in url]) == 1
    expect(page.locator("#plot-note")).to_contain_text("the volume stays between")
    expect(page.locator("#plot")).to_contain_text("parts")


def test_another_projection_lays_the_same_networks_out_anew(page: Page, fake_address: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_page(page, f"{fake_address}/{LINE}&plain=1")
    known = page.locator("#map").get_attribute("data-points") or ""
    before = page.evaluate(MAP)
    page.locator("#map-projection").select_option("tsne")
    expect(page).to_have_url(re.compile("map=tsne"))
    page.wait_for_function(f"before => ({MAP})() !== before", arg=before)
    expect(page.locator("#map")).to_have_attribute("data-points", known)


def test_an_upload_on_its_way_shows_how_much_is_there(page: Page, fake_address: str) -> None:
    held: list[Route] = []
    page.route("**/embed", lambda route: held.append(route))
    open_page(page, f"{fake_address}/{LINE}")
    content = {"name": "mine.pt", "mimeType": "application/zip", "buffer": b"PK\x03\x04 pretended"}
    page.set_input_files("#file", files=[content])
    expect(page.locator("#upload-result progress")).to_be_visible()
    expect(page.locator("#upload-result [role=status]")).to_contain_text("mine.pt")
    expect(page.locator("#drop")).to_have_attribute("data-state", "busy")
    held[0].continue_()
    expect(page.locator("#upload-result .uploaded h3")).to_have_text("mine")
    expect(page.locator("#upload-result progress")).to_have_count(0)
