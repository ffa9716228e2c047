"""Takes the pictures of the page that the documentation shows, anew: `make pictures`, or some: `ARGS="jobs phone"`. The
spaces that ship, a real server, this machine's Chromium; drawn in software, so that shapes look alike everywhere."""

import io
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.page import CHROMIUM, DRAWN_IN_SOFTWARE
from benchmarks.serving import server
from netspace.files import atomic_path

DOCS = Path(__file__).parent.parent / "docs"
LINE = "?a=chairs.chair-00032&b=chairs.chair-00166&t=0.4"
CORNERS = "c=chairs.chair-00265&d=chairs.chair-00015&at=" + ",".join(
    f"chairs.chair-{name}:{weight}"
    for name, weight in (("00032", 0.35), ("00166", 0.15), ("00265", 0.35), ("00015", 0.15))
)
CHAIRS, CLASSIFIERS = "checkpoints/chairs", "checkpoints/cifar10-multi"
PATIENCE_MS = 300_000
"""Shapes are computed and drawn on processor cores here."""
COLOURS, RARE = 256, 64


def at_rest(page: Page) -> None:
    """Waits until the fine shape, the filmstrip and the plot are drawn."""
    expect(page.locator("#stage")).to_have_attribute("data-pending", "false")
    expect(page.locator("#stage")).to_have_attribute("data-resolution", "128")
    expect(page.locator("#stage")).not_to_have_attribute("data-sketch", "true")
    expect(page.locator("#strip")).to_have_attribute("data-drawn", "true")
    expect(page.locator("#fact-volume")).not_to_have_text("…")


def measured(page: Page) -> None:
    at_rest(page)
    page.locator("#plot").scroll_into_view_if_needed()
    expect(page.locator("#plot")).to_have_attribute("data-points", re.compile(r"\d"))


def pushed(page: Page) -> None:
    """Along one of the directions."""
    at_rest(page)
    page.locator("#directions input[type=range]").first.fill("14")
    at_rest(page)


def blended(page: Page) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-resolution", "128")


def searching(page: Page) -> None:
    """A job on its way, with some of its curve."""
    at_rest(page)
    for slider in page.locator("#wishes input[type=range]").all()[:2]:
        slider.fill("3")
    page.locator("#wish-start").click()
    expect(page.locator("#tray-list .curve").first).to_have_attribute("data-points", re.compile(r"\d\d"))


def uploaded(page: Page) -> None:
    """A file of one's own, here the weights of a network that the gallery has, and what the space makes of them."""
    at_rest(page)
    weights = page.request.get("/latents/chairs.chair-00032/network?of=input&format=pt").body()
    page.locator("#file").set_input_files(
        {"name": "my-chair.pt", "mimeType": "application/octet-stream", "buffer": weights}
    )
    expect(page.locator("#upload-result .verdict")).to_contain_text("represented")
    page.locator("#upload-result .near").scroll_into_view_if_needed()
    # The comparison stands above, and grows when it is seen.
    expect(page.locator("#compare")).to_have_attribute("data-state", "known")
    expect(page.locator("#upload-result .near img").last).to_have_js_property("complete", True)


def told(page: Page) -> None:
    """Architectures, classes and twins of a line of classifiers."""
    expect(page.locator("#here-accuracy")).to_contain_text("%")
    for plot in ("#twins", "#plot"):
        page.locator(plot).scroll_into_view_if_needed()
        expect(page.locator(plot)).to_have_attribute("data-points", re.compile(r"\d"))
    page.evaluate("scrollTo(0, 0)")


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What is opened, done there, and cut out: one element, or the window as it is."""

    query: str
    space: str = CHAIRS
    act: Callable[[Page], None] = at_rest
    element: str | None = None
    size: tuple[int, int] = (1440, 1070)
    dark: bool = False


SHOTS = {
    "page": Shot(query=f"{LINE}&colour=base"),
    "pictures/raw-weights-beside": Shot(query=f"{LINE}&beside=1", element="section.center"),
    "pictures/line": Shot(query=f"{LINE}&beyond=1", act=measured, element=".plot-panel"),
    "pictures/directions": Shot(query=LINE, act=pushed, element=".directions-panel"),
    "pictures/corners": Shot(query=f"{LINE}&{CORNERS}", act=blended, element="[data-panel=pad]"),
    "pictures/jobs": Shot(query=LINE, act=searching, element="#tray-panel"),
    "pictures/upload": Shot(query=LINE, act=uploaded, element="[data-panel=upload]"),
    "pictures/classifiers": Shot(query="", space=CLASSIFIERS, act=told),
    "pictures/phone": Shot(query=LINE, size=(390, 844), dark=True),
}


def take(browser: Browser, address: str, shot: Shot) -> bytes:
    """A PNG."""
    width, height = shot.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        base_url=address,
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script("localStorage.setItem('netspace.welcomed', 'true')")
    page = context.new_page()
    page.goto(f"{address}/{shot.query}")
    expect(page.locator("body")).to_have_attribute("data-ready", "true")
    shot.act(page)
    page.evaluate("document.activeElement.blur()")
    if shot.element and not shot.element.startswith("#tray"):
        page.add_style_tag(content=".tray { visibility: hidden }")  # it floats above what is cut out
    taken = page.locator(shot.element).screenshot() if shot.element else page.screenshot()
    context.close()
    return taken


def small(png: bytes) -> bytes:
    """The same with a palette: a third of the size. Most colours are frequent ones, the others lie far from those:
    else a map's few points would take the colour of what is large."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    parts = ((COLOURS - RARE, Image.Quantize.MEDIANCUT), (RARE, Image.Quantize.MAXCOVERAGE))
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for count, method in parts for value in _colours(image, count, method)])
    out = io.BytesIO()
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(out, "png", optimize=True)
    return out.getvalue()


def _colours(image: Image.Image, count: int, method: Image.Quantize) -> list[int]:
    """[3 * count], red, green and blue."""
    found = image.quantize(count, method).getpalette() or []
    return (found + [0] * 3 * count)[: 3 * count]


def take_all(browser: Browser, shots: dict[str, Shot], space: str) -> None:
    with server(NETSPACE_SPACES=space, NETSPACE_COMPILE="false") as (address, _, _):
        for name, shot in shots.items():
            picture = small(take(browser, address, shot))
            with atomic_path(DOCS / f"{name}.png") as path:
                path.write_bytes(picture)
            print(f"{name}: {len(picture) / 1e3:.0f} kB", flush=True)


def main(wanted: list[str]) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    shots = {name: shot for name, shot in SHOTS.items() if not wanted or name.rpartition("/")[2] in wanted}
    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=DRAWN_IN_SOFTWARE)
        for space in (CHAIRS, CLASSIFIERS):
            if of_space := {name: shot for name, shot in shots.items() if shot.space == space}:
                take_all(browser, of_space, space)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
