"""The explorer in headless Chromium before a real server: how soon networks are seen, and how evenly a map moves."""

import json
import shutil
import statistics
from typing import TYPE_CHECKING

from benchmarks.serving import STEPS, server
from benchmarks.timing import quantile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DRAWN_IN_SOFTWARE = ["--no-sandbox", "--enable-unsafe-swiftshader"]
"""What a browser does by itself on a machine without a GPU. With --use-angle=swiftshader it would draw the page around
the shapes as if it had one, which SwiftShader then plays: half as many frames."""
VISITS = 5
POINTS = 5000
PATIENCE_MS = 60_000
WATCH = """
window.seen = {};
const painted = (name) => requestAnimationFrame(() => setTimeout(() => (window.seen[name] ??= performance.now())));
new MutationObserver((records) => {
    for (const { target } of records) {
        if (target.id === "map" && target.dataset.drawn === "true") painted("map");
        if (target.id === "stage" && (target.dataset.poster || target.dataset.camera)) painted("shape");
    }
}).observe(document, {
    subtree: true, attributes: true, attributeFilter: ["data-drawn", "data-poster", "data-camera"],
});
"""
"""Said before the page's own scripts: notes when the map's networks and the first shape are painted."""
TIMES = """async () => {
    const first = () => performance.getEntriesByName("first-contentful-paint")[0];
    while (!(window.seen.map && window.seen.shape && first())) await new Promise((again) => setTimeout(again, 20));
    const plots = performance.getEntriesByType("resource").filter(({ name }) => name.includes("plotly"));
    return { first: first().startTime, ...window.seen, plotly: plots.length };
}"""
"""Milliseconds since the visit began; how many files of plotly were loaded by then."""
FRAMES = """(count) => new Promise((done) => {
    const taken = [];
    let last = 0;
    const next = (now) => {
        if (last) taken.push(now - last);
        last = now;
        if (taken.length < count) requestAnimationFrame(next);
        else done(taken);
    };
    requestAnimationFrame(next);
})"""
MOVE = """([kind, steps]) => {
    const canvas = document.querySelector("#map canvas:last-of-type"), box = canvas.getBoundingClientRect();
    const say = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
        pointerId: 1, bubbles: true, clientX: box.left + x, clientY: box.top + y }));
    canvas.setPointerCapture = () => {};
    let i = 0;
    if (kind === "pan") say("pointerdown", 3, 3);
    const step = () => {
        const round = (i / steps) * 12;
        if (kind === "pan") say("pointermove", 3 + 40 * Math.sin(round), 3 + 40 * (1 - Math.cos(round)));
        else say("pointermove", box.width * (0.5 + 0.4 * Math.sin(round)), box.height * (0.5 + 0.4 * Math.cos(round)));
        if (++i < steps) requestAnimationFrame(step);
        else if (kind === "pan") say("pointerup", 3, 3);
    };
    step();
}"""
"""One movement of a pointer a frame: around the map, or dragging it by a corner where no network is."""
DRAG = """([places, steps]) => {
    const slider = document.querySelector("#slider");
    let i = 0;
    const step = () => {
        slider.value = String(Math.abs((i % (2 * places)) - places));
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        if (++i < steps) requestAnimationFrame(step);
    };
    step();
}"""
"""The next place of the slider every frame, to and fro."""
LINE = "?a=chairs.chair-00032&b=chairs.chair-00166&t=0"


def many(count: int) -> str:
    """A page of latents that no gallery has, on a spiral."""
    bodies = []
    for i in range(count):
        radius = (i / count) ** 0.5
        bodies.append({
            "id": f"many-{i}", "space": "chairs", "name": f"many {i}", "origin": "gallery", "iou": 0.9,
            "architecture": "siren-3-256-256-1", "represented": True, "verdict": "", "has_network": False,
            "position": [radius * (i * 2.4 % 6.28 - 3.14), radius * (i * 7.1 % 2 - 1)],
            "properties": {"kind": f"kind {i % 5}", "size": i}, "picture": "/favicon.ico",
        })  # fmt: skip
    return json.dumps({"total": count, "offset": 0, "limit": count, "items": bodies})


def visit(page: "Page", address: str) -> dict[str, float]:
    """Milliseconds until something, the map and a shape were painted."""
    page.goto(address)
    return page.evaluate(TIMES)


def visits(browser: "Browser", address: str) -> list[dict]:
    """First visits, each by a browser that knows nothing, and second ones, whose files are at hand."""
    found: dict[str, list[dict[str, float]]] = {"first visit": [], "second visit": []}
    for _ in range(VISITS):
        context = browser.new_context(viewport={"width": 1280, "height": 860})
        context.add_init_script(WATCH)
        for rows in found.values():
            page = context.new_page()
            rows.append(visit(page, address))
            page.close()
        context.close()
    return [_row(name, rows) for name, rows in found.items()]


def _row(name: str, rows: list[dict[str, float]]) -> dict:
    """Medians in seconds. What a visitor comes for is there when both the map and a shape are."""
    first, map_, shape = (statistics.median(row[key] for row in rows) / 1e3 for key in ("first", "map", "shape"))
    meaningful = statistics.median(max(row["map"], row["shape"]) for row in rows) / 1e3
    files = max(row["plotly"] for row in rows)
    return {
        "benchmark": f"page, {name}",
        "first_paint_s": first,
        "map_s": map_,
        "shape_s": shape,
        "meaningful_paint_s": meaningful,
        "plotly_files": files,
    }


def _crowded(route: "Route") -> None:
    route.fulfill(body=many(POINTS), content_type="application/json")


def large_map(browser: "Browser", address: str, frames: int = 180) -> list[dict]:
    """Milliseconds between frames while a map of POINTS networks is panned and pointed at."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.route("**/spaces/*/latents?*", _crowded)
    page.route("**/spaces/*/map*", lambda route: route.fulfill(status=404, body="{}"))
    page.route("**/mesh?*", lambda route: route.abort())
    page.goto(address)
    page.wait_for_selector(f"#map[data-points='{POINTS}'][data-drawn=true]", timeout=PATIENCE_MS)
    rows = []
    for name, kind in (("still", ""), ("panned", "pan"), ("pointed at", "hover")):
        if kind:
            page.evaluate(MOVE, [kind, frames + 20])
        taken = page.evaluate(FRAMES, frames)
        late = sum(ms > 50 for ms in taken) / len(taken)
        row = {"benchmark": f"map of {POINTS:,} networks, {name}", "p50_ms": quantile(taken, 0.5)}
        rows.append({**row, "p95_ms": quantile(taken, 0.95), "share_over_50_ms": late})
    page.close()
    return rows


def known_shapes(browser: "Browser", address: str, frames: int = 180) -> list[dict]:
    """Milliseconds between frames while the slider moves through shapes that the page has, another in every frame."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/{LINE}")
    for place in range(STEPS + 1):
        page.locator("#slider").fill(str(place))
        page.wait_for_selector(f"#stage[data-t='{place / STEPS:.4f}'][data-pending=false]")
    page.evaluate(DRAG, [STEPS, frames + 20])
    taken = page.evaluate(FRAMES, frames)
    page.close()
    row = {"benchmark": "shapes at hand, dragged", "frames_per_second": 1e3 * len(taken) / sum(taken)}
    return [{**row, "p50_ms": quantile(taken, 0.5), "p95_ms": quantile(taken, 0.95)}]


def measure() -> list[dict]:
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with server() as (address, _, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=DRAWN_IN_SOFTWARE)
        try:
            return [*visits(browser, address), *known_shapes(browser, address), *large_map(browser, address)]
        finally:
            browser.close()
