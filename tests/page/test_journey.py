"""One journey through the page, as a person makes it, and what the page says where something is missing."""

import base64
import os
import re
from pathlib import Path

import pytest
import torch
from drawing import NO_WEBGL

from netspace.checkpoint import network_bytes
from netspace.fit import FitConfig, fit

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import PATIENCE, open_page, rest, shown
from playwright.sync_api import Browser, Page, expect

DROP = """([selector, name, content]) => {
    const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    const init = { dataTransfer, bubbles: true, cancelable: true };
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.querySelector(selector).dispatchEvent(new DragEvent(kind, init));
    }
}"""


@pytest.fixture(scope="module")
def own_network() -> bytes:
    """A network that nobody has seen: a SIREN fitted to a ball, as a .pt file."""
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(1, 4000, 3, generator=generator) * 2 - 1
    config = FitConfig(steps=120, points=512, pool=4000, fast=False)
    theta = fit(points, points.norm(dim=-1) - 0.55, config, generator)
    return network_bytes(config.arch, theta[0], "pt")


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def flat(page: Page) -> Page:
    """A page that draws no shapes, for what does not depend on them: drawing in software takes long."""
    page.add_init_script(NO_WEBGL)
    return page


def failures_of(page: Page) -> list[str]:
    """Grows while the page is used: errors of scripts and of the console, but for the refusals that a person provokes
    and those of a server that is busy, which the page asks again."""
    found: list[str] = []

    def on_message(message) -> None:
        provoked = message.location.get("url", "").endswith("/embed") or "status of 503" in message.text
        if message.type == "error" and not provoked:
            found.append(f"{message.text} ({message.location.get('url')})")

    page.on("console", on_message)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


def pixels(page: Page) -> bytes:
    """The middle of the stage, where nothing but the shape is drawn."""
    page.evaluate("scrollTo(0, 0)")
    box = page.locator("#stage").bounding_box()
    assert box
    middle = {"x": box["x"] + box["width"] * 0.3, "y": box["y"] + box["height"] * 0.3}
    return page.screenshot(clip={**middle, "width": box["width"] * 0.4, "height": box["height"] * 0.4})


def pick(page: Page, end: str, index: int) -> str:
    """Chooses an entry of a gallery; returns its id."""
    card = page.locator(f"#gallery-{end} .card").nth(index)
    card.click()
    expect(card.locator("input")).to_be_checked()
    return card.get_attribute("data-id") or ""


def move(page: Page, t: float) -> None:
    page.locator("#slider").fill(str(round(t * 60)))
    expect(page.locator("#stage")).to_have_attribute("data-t", f"{t:.4f}")
    rest(page)


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, ["#drop", name, base64.b64encode(content).decode()])


def downloaded(page: Page, selector: str) -> bytes:
    with page.expect_download() as download:
        page.locator(selector).click()
    return Path(download.value.path()).read_bytes()


def turn(page: Page) -> None:
    """Drags the shape a little to the side."""
    box = page.locator("#stage").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    before = shown(page, "camera")
    page.mouse.down()
    page.mouse.move(x + 120, y + 20, steps=4)
    page.mouse.up()
    expect(page.locator("#stage")).not_to_have_attribute("data-camera", before)
    expect(page.locator("#stage")).to_have_attribute("data-turning", "false")


def test_a_person_picks_two_networks_turns_the_shape_and_walks_the_line(page: Page, address: str):
    failures = failures_of(page)
    open_page(page, address)
    a, b = pick(page, "a", 3), pick(page, "b", 5)
    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-a", a)
    expect(stage).to_have_attribute("data-b", b)
    rest(page)
    at_a, vertices = pixels(page), shown(page, "vertices")
    assert a != b
    assert int(vertices) > 100
    turn(page)
    turned = shown(page, "camera")
    move(page, 1.0)
    assert shown(page, "vertices") != vertices
    assert pixels(page) != at_a
    assert numbers(shown(page, "camera")) == pytest.approx(numbers(turned), abs=0.02)
    page.locator("#plot").scroll_into_view_if_needed()
    expect(page.locator("#plot .scatterlayer .trace").first).to_be_visible()
    expect(page.locator("#plot-note")).to_contain_text("networks")
    expect(page.locator("#fact-volume")).to_have_text(re.compile(r"^\d\.\d{3}$|^none$"))
    assert failures == []


def test_a_network_of_ones_own_is_recognised_stands_out_and_survives_a_reload(
    page: Page, address: str, own_network: bytes
):
    failures = failures_of(page)
    open_page(page, address)
    drop(page, "own-ball.pt", own_network)
    uploaded = page.locator("#upload-result .uploaded")
    expect(uploaded).to_contain_text("Recognised: siren")
    expect(uploaded).to_contain_text(re.compile(r"IoU.*\d+ %"))
    expect(uploaded.locator(".verdict")).to_contain_text("represented")
    expect(uploaded.locator(".near button").first).to_be_visible()
    own = uploaded.get_attribute("data-id") or ""
    card = page.locator(f"#gallery-a .card[data-id='{own}']")
    expect(card).to_contain_text("own-ball")
    expect(card.locator(".badge")).to_have_text("yours")
    card.click()
    expect(page.locator("#stage")).to_have_attribute("data-a", own)
    rest(page)
    drop(page, "poem.pt", b"no network at all, but a few words")
    expect(page.locator("#upload-result [role=alert]")).to_contain_text("checkpoint")
    expect(page.locator("#upload-result [role=alert]")).to_contain_text("Expected: a .pt or .safetensors state dict")
    move(page, 0.5)
    expect(page).to_have_url(re.compile(rf"a={own}.*t=0.5"))
    picked = shown(page, "vertices")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    rest(page)
    assert (shown(page, "a"), shown(page, "t"), shown(page, "vertices")) == (own, "0.5000", picked)
    assert failures == []


def test_a_network_and_its_shape_are_taken_home(page: Page, address: str):
    open_page(page, address)
    move(page, 0.5)
    assert downloaded(page, "#get-glb").startswith(b"glTF")
    stl = downloaded(page, "#get-stl")
    assert len(stl) == 84 + 50 * int.from_bytes(stl[80:84], "little")
    assert downloaded(page, "#get-pt").startswith(b"PK")


def test_playing_walks_along_the_line_and_pausing_stops(page: Page, fake_address: str):
    open_page(page, fake_address)
    page.locator("#play").click()
    expect(page.locator("#stage")).not_to_have_attribute("data-t", "0.0000")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.locator("#play").click()
    rest(page)
    assert float(shown(page, "t")) == pytest.approx(int(page.locator("#slider").input_value()) / 60, abs=1e-3)


def test_raw_weights_without_a_surface_are_told_as_a_result(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/?a=chair-000&b=chair-003")
    page.locator("label", has_text="Raw weights").first.click()
    expect(page.locator("#stage")).to_have_attribute("data-of", "weights")
    page.locator("#slider").fill("30")
    expect(page.locator("#stage")).to_have_attribute("data-vertices", "0")
    expect(page.locator("#empty")).to_contain_text("the averaged weights give a network with no surface")
    expect(page.locator(".notice.error")).to_have_count(0)
    expect(page.locator("#get-pt")).to_be_disabled()
    expect(page.locator("#downloads-note")).to_contain_text("both ends")


def test_raw_weights_that_are_not_kept_cannot_be_asked_for_and_the_page_says_why(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/?a=chair-001&b=chair-003&of=weights")
    expect(page.locator("#of-weights")).to_be_disabled()
    expect(page.locator("#of-why")).to_contain_text("chair-001")
    expect(page.locator("#stage")).to_have_attribute("data-of", "latent")


def test_without_webgl_the_page_says_so_and_the_rest_works(flat: Page, fake_address: str):
    page = flat
    open_page(page, fake_address)
    expect(page.locator("#no-webgl")).to_be_visible()
    move(page, 0.5)
    expect(page.locator("#fact-volume")).to_have_text(re.compile(r"^\d\.\d{3}$"))
    page.locator("#plot").scroll_into_view_if_needed()
    expect(page.locator("#plot")).to_have_attribute("data-points", re.compile(r"\d\d"))


def test_a_server_that_is_gone_is_told_of_and_what_failed_is_done_when_it_is_back(flat: Page, fake_address: str):
    page = flat
    open_page(page, fake_address)
    page.route(re.compile("/mesh|/healthz"), lambda route: route.abort())
    page.locator("#slider").fill("17")
    notice = page.locator(".notice.lost")
    expect(notice).to_contain_text("The server did not answer")
    expect(notice).to_contain_text("Next look in")
    page.unroute(re.compile("/mesh|/healthz"))  # nobody has to ask: the page looks again by itself
    expect(page.locator("#stage")).to_have_attribute("data-t", f"{17 / 60:.4f}")
    expect(notice).to_have_count(0)


def test_a_server_without_a_space_says_what_to_do(flat: Page, fake_address: str):
    page = flat
    page.route("**/spaces", lambda route: route.fulfill(json={"spaces": []}))
    page.goto(fake_address)
    expect(page.locator("#no-space")).to_contain_text("netspace train")
    expect(page.locator("main")).to_be_hidden()
    page.unroute("**/spaces")
    page.get_by_role("button", name="Look again").click()
    expect(page.locator("#map")).to_have_attribute("data-points", re.compile(r"\d\d"))
    expect(page.locator("#no-space")).to_be_hidden()


def test_the_first_visit_is_greeted_once(flat: Page, fake_address: str):
    page = flat
    open_page(page, fake_address)
    page.get_by_role("button", name="Show me").click()
    expect(page.locator("#stage")).not_to_have_attribute("data-t", "0.0000")
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    expect(page.locator("#welcome")).to_be_hidden()


def test_raw_weights_beside_turn_with_the_latent_line(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/?a=chair-000&b=chair-003&t=0.5&shut=plot,lists")
    page.locator("label", has=page.locator("#of-both")).click()
    beside = page.locator("#stage-beside")
    expect(beside).to_have_attribute("data-of", "weights")
    expect(beside).to_have_attribute("data-vertices", "0")
    expect(page.locator("#empty-beside")).to_contain_text("averaged weights")
    expect(page.locator("#stage")).not_to_have_attribute("data-vertices", "0")
    expect(page.locator(".frames")).to_have_count(2)
    expect(page.locator(".frames").nth(1).locator(".frame[data-state=empty]")).not_to_have_count(0)
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#stage")).to_have_attribute("data-turning", "false")
    expect(beside).to_have_attribute("data-turning", "false")
    left, right = numbers(shown(page, "camera")), numbers(beside.get_attribute("data-camera") or "")
    assert left == pytest.approx(right, abs=0.02)


def test_the_line_goes_beyond_its_ends_and_says_so(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/?a=chair-000&b=chair-003&shut=plot,lists")
    page.locator("#beyond").click()
    expect(page.locator("#slider")).to_have_attribute("min", "-30")
    expect(page.locator(".frame.outside")).not_to_have_count(0)
    page.locator(".frame.outside").last.click()
    expect(page.locator("#stage")).to_have_attribute("data-t", "1.5000")
    expect(page.locator("#of-why")).to_contain_text("Beyond B")
    expect(page).to_have_url(re.compile("t=1.5.*beyond=1"))
    page.locator("#beyond").click()
    expect(page.locator("#stage")).to_have_attribute("data-t", "1.0000")


def test_the_filmstrip_shows_the_line_and_leads_along_it(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/?a=chair-000&b=chair-003&shut=plot,lists")
    strip = page.locator("#strip")
    expect(strip).to_have_attribute("data-drawn", "true")
    frames = strip.locator(".frame[data-state=drawn]")
    assert frames.count() >= 5
    strip.locator(".frame[data-t='0.5']").click()
    expect(page.locator("#stage")).to_have_attribute("data-t", "0.5000")
    expect(strip.locator(".frame[aria-current]")).to_have_attribute("data-t", "0.5")


def test_a_name_that_looks_like_markup_stays_text(page: Page, fake_address: str):
    open_page(page, fake_address)
    drop(page, "<img src=x onerror=alert(1)>.pt", b"PK\x03\x04 pretended")
    expect(page.locator("#upload-result h3")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator("#gallery-a .card", has_text="onerror")).to_have_count(1)
    drop(page, "<img src=y onerror=alert(2)>.pt", b"no checkpoint")
    expect(page.locator("#upload-result [role=alert]")).to_contain_text("<img src=y onerror=alert(2)>.pt")
    expect(page.locator("[onerror]")).to_have_count(0)
