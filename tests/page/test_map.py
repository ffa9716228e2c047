"""The map: every network a point, pointed at, looked at, joined by lines, and the places between them."""

import json
import os
import re

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import page_without_webgl
from playwright.sync_api import Browser, Page, Route, expect

A, B = "chair-000", "chair-003"
WHERE = """(id) => fetch("/spaces/chairs/map").then((r) => r.json()).then(({ points }) => {
    const box = document.querySelector("#map").getBoundingClientRect();
    const margin = 34, xs = points.map((p) => p[1]), ys = points.map((p) => p[2]);
    const [l, r, b, t] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const scale = Math.min((box.width - 2 * margin) / (r - l), (box.height - 2 * margin) / (t - b));
    const [, x, y] = points.find((p) => p[0] === id);
    return [box.left + box.width / 2 + (x - (l + r) / 2) * scale, box.top + box.height / 2 - (y - (b + t) / 2) * scale];
})"""
"""Where a network is drawn, in the window, as long as the whole map is shown."""


@pytest.fixture
def page(browser: Browser):
    with page_without_webgl(browser, 900) as opened:
        yield opened


def open_page(page: Page, address: str, query: str = f"?a={A}&b={B}") -> None:
    page.goto(f"{address}/{query}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    expect(page.locator("#map")).to_have_attribute("data-points", re.compile(r"\d\d+"))
    expect(page.locator("#map")).to_have_attribute("data-drawn", "true")


def point(page: Page, latent: str) -> tuple[float, float]:
    x, y = page.evaluate(WHERE, latent)
    return x, y


def click_point(page: Page, latent: str) -> None:
    page.mouse.click(*point(page, latent))


def test_pointing_at_a_network_names_it_and_clicking_looks_at_it(page: Page, fake_address: str):
    open_page(page, fake_address)
    card = page.locator(".hover-card")
    x, y = point(page, "chair-005")
    page.mouse.move(x, y)
    page.mouse.move(x + 1, y)
    expect(card).to_contain_text("chair-005")
    expect(card).to_contain_text("base")
    expect(card.locator("img")).to_have_js_property("complete", True)
    assert card.locator("img").evaluate("(image) => image.naturalWidth") > 0
    click_point(page, "chair-005")
    expect(page.locator("#look h3")).to_contain_text("chair-005")
    expect(page.locator("#watch-name")).to_have_text("chair-005")
    expect(page.locator("#stage")).to_have_attribute("data-at", "chair-005:1")
    expect(page.locator("#look .neighbours button")).not_to_have_count(0)
    expect(page).to_have_url(re.compile("at=chair-005:1"))
    page.locator("#look").get_by_role("button", name="Use as B").click()
    expect(page.locator("#stage")).to_have_attribute("data-b", "chair-005")
    expect(page.locator("#stage")).to_have_attribute("data-t", "1.0000")


def test_a_line_is_drawn_from_one_network_to_another(page: Page, fake_address: str):
    open_page(page, fake_address)
    page.mouse.move(*point(page, "chair-002"))
    page.mouse.down()
    x, y = point(page, "chair-006")
    page.mouse.move(x - 30, y - 10, steps=4)
    page.mouse.move(x, y, steps=2)
    page.mouse.up()
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-a", "chair-002")
    expect(stage).to_have_attribute("data-b", "chair-006")


def test_a_click_on_empty_map_decodes_that_place_which_can_be_kept(page: Page, fake_address: str):
    open_page(page, fake_address)
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.55)
    expect(page.locator("#look h3")).to_have_text("A place nobody trained")
    expect(page.locator("#look")).to_contain_text(re.compile(r"Volume 0\.\d{3}, in \d part"))
    at = page.locator("#look").get_attribute("data-at") or ""
    weights = [float(term.rpartition(":")[2]) for term in at.split(",")]
    assert 1 < len(weights) <= 4
    assert sum(weights) == pytest.approx(1, abs=1e-3)
    points = int(page.locator("#map").get_attribute("data-points") or 0)
    page.locator("#look").get_by_role("button", name="Keep it").click()
    expect(page.locator("#map")).to_have_attribute("data-points", str(points + 1))
    expect(page.locator("#look .badge")).to_have_text("kept place")
    page.locator("#look").get_by_role("button", name="Remove").click()
    expect(page.locator("#map")).to_have_attribute("data-points", str(points))


def test_undo_goes_back_and_redo_on_again(page: Page, fake_address: str):
    open_page(page, fake_address)
    expect(page.locator("#undo")).to_be_disabled()
    click_point(page, "chair-005")
    page.locator("#map-colour").select_option("seat_height")
    expect(page.locator("#map-legend .ramp")).to_be_visible()
    page.locator("#undo").click()
    expect(page.locator("#map-legend .kind").first).to_be_visible()
    page.locator("#undo").click()
    expect(page.locator("#watch")).to_be_hidden()
    page.locator("#redo").click()
    expect(page.locator("#watch-name")).to_have_text("chair-005")


def test_the_whole_view_survives_a_reload(page: Page, fake_address: str):
    query = (
        f"?a={A}&b={B}&at=chair-004:0.5,chair-006:0.5&colour=back&map=tsne&detail=64&plain=1&beyond=1&shut=lists,plot"
    )
    open_page(page, fake_address, query)
    for _ in range(2):
        expect(page.locator("#map-colour")).to_have_value("back")
        expect(page.locator("#map-projection")).to_have_value("tsne")
        expect(page.locator("#stage")).to_have_attribute("data-at", "chair-004:0.5,chair-006:0.5")
        expect(page.locator("#gallery-a")).to_be_hidden()
        expect(page.locator("#plot")).to_be_hidden()
        expect(page.locator("#map-pictures")).to_have_attribute("aria-pressed", "false")
        assert page.evaluate("typeof Plotly") == "undefined"
        page.reload()
        expect(page.locator("body")).to_have_attribute("data-ready", "true")


def test_the_map_is_walked_by_keys(page: Page, fake_address: str):
    open_page(page, fake_address)
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    says = page.locator("#map-says")
    expect(says).not_to_be_empty()
    for key in ("ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    name = says.text_content() or ""
    page.keyboard.press("Enter")
    expect(page.locator("#look h3")).to_contain_text(name)
    page.keyboard.press("b")
    expect(page.locator("#name-b")).to_have_text(name)


def test_a_kind_is_picked_out_in_the_legend(page: Page, fake_address: str):
    open_page(page, fake_address)
    first = page.locator("#map-legend .kind").first
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    first.click()
    expect(first).to_have_attribute("aria-pressed", "false")


WATCH = """() => {
    const { putImageData } = CanvasRenderingContext2D.prototype;
    window.drawn = 0;
    CanvasRenderingContext2D.prototype.putImageData = function (...given) {
        window.drawn += 1;
        return putImageData.apply(this, given);
    };
    window.shifts = [];
    const points = document.querySelector("#map canvas.points");
    const note = () => window.shifts.push(points.style.transform);
    new MutationObserver(note).observe(points, { attributeFilter: ["style"] });
}"""
"""From now on it is counted how often the points are drawn, and noted where they are moved to."""


def test_a_dragged_map_is_moved_as_it_is_drawn_and_drawn_anew_once_it_rests(page: Page, fake_address: str):
    open_page(page, fake_address)
    before = point(page, "chair-005")
    box = page.locator("#map").bounding_box()
    assert box
    x, y = box["x"] + 4, box["y"] + 4
    right = 60 if before[0] < box["x"] + box["width"] / 2 else -60
    down = 40 if before[1] < box["y"] + box["height"] / 2 else -40
    page.evaluate(WATCH)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=12)
    page.mouse.up()
    expect(page.locator("#map canvas.points")).not_to_have_attribute("style", re.compile("translate"))
    page.wait_for_function("window.shifts.length > 1 && window.shifts.at(-1) === ''")
    assert page.evaluate("window.drawn") < page.evaluate("window.shifts.length")
    assert f"translate({right}px, {down}px)" in page.evaluate("window.shifts")
    page.mouse.click(before[0] + right, before[1] + down)
    expect(page.locator("#look h3")).to_contain_text("chair-005")


def many(route: Route, count: int) -> None:
    """Latents that the fake does not have, on a spiral."""
    bodies = []
    for i in range(count):
        radius = (i / count) ** 0.5
        x, y = radius * (i * 2.4 % 6.28 - 3.14), radius * (i * 7.1 % 2 - 1)
        bodies.append({
            "id": f"many-{i}", "space": "chairs", "name": f"many {i}", "origin": "gallery",
            "architecture": "siren-3-256-256-1", "iou": 0.9, "represented": True, "verdict": "", "position": [x, y],
            "properties": {"kind": f"kind {i % 5}", "size": i}, "has_network": False,
            "picture": "/latents/chair-000/picture",
        })  # fmt: skip
    route.fulfill(body=json.dumps({"total": count, "offset": 0, "limit": count, "items": bodies}))


def test_five_thousand_networks_are_drawn_and_pointed_at(page: Page, fake_address: str):
    page.route("**/spaces/chairs/latents?*", lambda route: many(route, 5000))
    page.route("**/spaces/chairs/map*", lambda route: route.fulfill(status=404, body="{}"))
    page.route("**/mesh?*", lambda route: route.abort())
    page.goto(fake_address)
    expect(page.locator("#map")).to_have_attribute("data-points", "5000")
    expect(page.locator("#map")).to_have_attribute("data-drawn", "true")
    box = page.locator("#map").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".hover-card")).to_contain_text("many")
    expect(page.locator("#gallery-a .card")).to_have_count(160)
    expect(page.locator("#gallery-a .nothing")).to_contain_text("4,840 more")
    page.locator("#gallery-a input[type=search]").fill("many 4999")
    expect(page.locator("#gallery-a .card")).to_have_count(1)
