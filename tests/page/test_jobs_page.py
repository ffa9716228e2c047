"""Jobs on the page: asked for, watched, cancelled, resumed, kept over a reload, picked as A or B."""

import os
import re
import time
from collections.abc import Callable, Iterator

import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
import fake_server
from fake_server import JOBS, PARAMS, UPLOADS
from looking import PATIENCE
from playwright.sync_api import Browser, Page, expect

CLOUD = b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n"
PROVOKED = ("/points", "/events", "/jobs")
"""What a test may make the server refuse."""


@pytest.fixture
def address(fake_address: str) -> Iterator[str]:
    JOBS.clear()
    yield fake_address
    JOBS.clear()
    for found in [latent for latent in PARAMS if latent.startswith("job-")]:
        del PARAMS[found]
        UPLOADS.pop(found, None)


@pytest.fixture
def page(browser: Browser):
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context.new_page()
    context.close()


def failures_of(page: Page) -> list[str]:
    """Grows while the page is used: errors of scripts and of the console, refusals of what breaks a policy included."""
    found: list[str] = []

    def on_message(message) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not url.endswith(PROVOKED):
            found.append(f"{message.text} ({url})")

    page.on("console", on_message)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-ready", "true")


def wish(page: Page, name: str, notch: int) -> None:
    page.locator(f"#wish-{name}").fill(str(notch))


def start_search(page: Page, **wishes: int) -> str:
    """Asks for a job; returns its id."""
    for name, notch in wishes.items():
        wish(page, name, notch)
    before = len(JOBS.asked)
    page.locator("#wish-start").click()
    until(lambda: len(JOBS.asked) > before)
    job = list(JOBS.jobs)[-1]
    expect(entry(page, job).locator(".job-head")).to_have_attribute("aria-expanded", "true")
    return job


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def entry(page: Page, job: str):
    return page.locator(f"#tray-list .job[data-id='{job}']")


def curve_of(page: Page, job: str) -> list[int]:
    """The steps that the plotted curve shows."""
    return entry(page, job).locator(".curve").evaluate("(node) => Array.from(node.data[1].x)")


def shape(page: Page) -> tuple[str, str]:
    stage = page.locator("#stage")
    return stage.get_attribute("data-a") or "", stage.get_attribute("data-vertices") or ""


def test_a_job_is_asked_for_watched_and_its_result_is_picked(page: Page, address: str) -> None:
    failures = failures_of(page)
    open_page(page, f"{address}/?a=chair-003&b=chair-005")
    expect(page.locator("#tray-summary")).to_have_text("none yet")
    expect(page.locator("#wish-start")).to_be_disabled()
    expect(page.locator("#trust-seat_width")).to_have_text("R² 0.93")
    expect(page.locator("#trust-volume")).to_have_text("measured on the shape")

    JOBS.limit = 80
    wish(page, "back_height", 5)
    expect(page.locator(".wish", has=page.locator("#wish-back_height")).locator("output")).to_have_text(
        "higher back, +0.190"
    )
    job = start_search(page, volume=-2)
    asked = JOBS.asked[0]
    assert (asked["objective"], asked["start"]) == ("attributes", "chair-003")
    assert asked["targets"]["back_height"] == {"by": pytest.approx(0.19)}
    assert -0.5 < asked["targets"]["volume"]["by"] < 0
    assert set(asked["targets"]) == {"back_height", "volume"}
    expect(page).to_have_url(re.compile(f"job={job}"))
    expect(page.locator("#wish-back_height")).to_have_value("0")

    stage = page.locator("#stage")
    expect(stage).to_have_attribute("data-a", f"{job}-step-80")
    expect(page.locator("#watch")).to_contain_text("higher back")
    expect(page.locator("#watch-step")).to_have_text("step 80 of 400")
    expect(page.locator("#facts")).to_be_hidden()
    expect(stage).to_be_in_viewport(ratio=0.9)
    first = shape(page)
    mine = entry(page, job)
    expect(mine.locator(".job-standing")).to_have_text("20 %, about 32 s left")
    expect(mine.locator(".scatterlayer .trace")).to_have_count(2)
    expect(mine.locator(".curve")).to_have_attribute("data-points", "80")
    JOBS.limit = 200
    expect(stage).to_have_attribute("data-a", f"{job}-step-200")
    expect(mine.locator("progress")).to_have_js_property("value", 0.5)

    JOBS.limit = 400
    expect(mine).to_have_attribute("data-status", "done")
    expect(mine.locator(".job-standing")).to_have_text("Done, 400 steps")
    expect(mine.locator(".curve")).to_have_attribute("data-points", "400")
    assert curve_of(page, job) == list(range(1, 401))
    expect(mine.locator(".muted")).to_contain_text("Best value 0.0146")
    result = JOBS.jobs[job]["result"]
    expect(stage).to_have_attribute("data-a", result)
    assert shape(page)[1] not in ("0", first[1])

    mine.get_by_role("button", name="Use as B").click()
    expect(stage).to_have_attribute("data-b", result)
    expect(stage).to_have_attribute("data-a", "chair-003")
    expect(page.locator("#watch")).to_be_hidden()
    expect(page.locator(f"#gallery-b .card[data-id='{result}'] input")).to_be_checked()
    expect(page.locator(f"#gallery-b .card[data-id='{result}'] .badge")).to_have_text("found")
    expect(mine.get_by_role("button", name="Show on the stage")).to_be_visible()
    assert failures == []


def test_a_job_is_cancelled_resumed_and_dismissed_with_the_keyboard(page: Page, address: str) -> None:
    open_page(page, address)
    JOBS.limit = 50
    job = start_search(page, seat_width=3)
    mine = entry(page, job)
    expect(mine.locator("progress")).to_have_js_property("value", 0.125)
    mine.get_by_role("button", name="Cancel").press("Enter")
    expect(mine).to_have_attribute("data-status", "cancelled")
    expect(mine.locator(".job-standing")).to_have_text("Cancelled after 50 steps")
    expect(mine.get_by_role("button", name="Use as A")).to_be_visible()

    JOBS.limit = 400
    mine.get_by_role("button", name="Resume").press("Enter")
    expect(mine).to_have_attribute("data-status", "done")
    expect(mine.locator(".curve")).to_have_attribute("data-points", "400")
    assert curve_of(page, job) == list(range(1, 401))

    mine.get_by_role("button", name="Dismiss").press("Enter")
    expect(mine).to_have_count(0)
    expect(page.locator("#tray-empty")).to_be_visible()
    expect(page.locator("#tray-close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#tray-panel")).to_be_hidden()
    expect(page.locator("#tray-toggle")).to_be_focused()
    assert JOBS.jobs[job]["result"]
    page.reload()
    expect(page.locator("#tray-summary")).to_have_text("none yet")


def test_after_a_reload_the_job_is_there_and_followed_with_its_whole_curve(page: Page, address: str) -> None:
    open_page(page, address)
    JOBS.limit = 120
    job = start_search(page, seat_height=4)
    expect(page.locator("#stage")).to_have_attribute("data-a", f"{job}-step-120")
    page.reload()
    mine = entry(page, job)
    expect(mine).to_have_attribute("data-status", "running")
    expect(page.locator("#stage")).to_have_attribute("data-a", f"{job}-step-120")
    expect(mine.locator(".curve")).to_have_attribute("data-points", "120")
    expect(mine.locator("progress")).to_have_js_property("value", 0.3)
    JOBS.limit = 400
    expect(mine).to_have_attribute("data-status", "done")
    assert curve_of(page, job) == list(range(1, 401))


def test_a_stream_that_breaks_is_taken_up_where_it_was_and_nothing_is_told_twice(page: Page, address: str) -> None:
    failures = failures_of(page)
    open_page(page, address)
    JOBS.limit = 100
    job = start_search(page, seat_width=-4)
    mine = entry(page, job)
    expect(mine.locator(".curve")).to_have_attribute("data-points", "100")
    JOBS.cut()
    until(lambda: len(JOBS.streams) > 1)
    assert JOBS.streams == [(job, 0), (job, 14)]  # 2 states, 10 chunks, 2 latents
    JOBS.limit = 400
    expect(mine).to_have_attribute("data-status", "done")
    expect(mine.locator(".curve")).to_have_attribute("data-points", "400")
    assert curve_of(page, job) == list(range(1, 401))
    until(lambda: JOBS.over(*JOBS.streams[-1]))  # the answer 204, after which the browser asks no more
    assert failures == []


def test_a_dropped_mesh_is_fitted_from_the_best_of_the_gallery(page: Page, address: str) -> None:
    open_page(page, address)
    page.locator("#points-file").set_input_files({"name": "scan.PLY", "mimeType": "model/ply", "buffer": CLOUD})
    until(lambda: bool(JOBS.asked))
    asked = JOBS.asked[0]
    assert (asked["objective"], asked["name"], asked["space"]) == ("fit_points", "scan, fitted", "chairs")
    assert (asked["normalise"], asked["complete"], "start" in asked) == (True, True, False)
    mine = entry(page, next(iter(JOBS.jobs)))
    expect(mine).to_have_attribute("data-status", "done")
    expect(mine.locator(".job-picture img")).to_be_visible()

    page.get_by_label("a part of one").check()
    page.locator("#drop-points").get_by_text("or drop them here").wait_for()
    page.evaluate(
        """([name, text]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], name));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        ["half.ply", CLOUD.decode()],
    )
    until(lambda: len(JOBS.asked) == 2)
    assert (JOBS.asked[1]["normalise"], JOBS.asked[1]["complete"]) == (False, False)


def test_what_the_server_refuses_is_told_in_its_words_where_it_was_asked_for(page: Page, address: str) -> None:
    failures = failures_of(page)
    open_page(page, address)
    page.locator("#points-file").set_input_files({"name": "poem.ply", "mimeType": "", "buffer": b"no points"})
    expect(page.locator("#fit-result [role=alert]")).to_contain_text("does not begin with 'ply'")
    JOBS.full = True
    wish(page, "seat_width", 2)
    page.locator("#wish-start").click()
    expect(page.locator("#wish-result [role=alert]")).to_contain_text("Too many jobs are waiting")
    expect(page.locator("#wish-seat_width")).to_have_value("2")
    assert JOBS.jobs == {}
    assert failures == []


def test_a_failed_job_says_why_and_goes_on_when_it_is_resumed(page: Page, address: str) -> None:
    open_page(page, address)
    JOBS.limit = 60
    job = start_search(page, seat_width=2)
    mine = entry(page, job)
    expect(mine.locator("progress")).to_have_js_property("value", 0.15)
    JOBS.poison = "<b>RuntimeError</b>: no memory"
    expect(mine).to_have_attribute("data-status", "failed")
    expect(mine.locator(".job-detail")).to_have_text("<b>RuntimeError</b>: no memory")
    expect(mine.get_by_role("button", name="Use as A")).to_be_hidden()
    JOBS.poison, JOBS.limit = "", 400
    mine.get_by_role("button", name="Resume").click()
    expect(mine).to_have_attribute("data-status", "done")


def test_without_a_worker_the_job_waits_and_the_page_says_for_what(page: Page, address: str) -> None:
    JOBS.workers = False
    open_page(page, address)
    job = start_search(page, seat_width=2)
    mine = entry(page, job)
    expect(mine.locator(".job-standing")).to_have_text("Waiting for a worker")
    expect(mine.locator(".job-detail")).to_contain_text("No worker has taken it yet")
    expect(page.locator("#tray-summary")).to_have_text("1 waiting")
    expect(page.locator("#stage")).to_have_attribute("data-a", JOBS.asked[0]["start"])
    mine.get_by_role("button", name="Cancel").click()
    expect(mine).to_have_attribute("data-status", "cancelled")
    expect(mine.get_by_role("button", name="Use as A")).to_be_hidden()


def test_a_space_that_can_change_nothing_says_so_and_points_can_still_be_fitted(
    page: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_server, "ATTRIBUTES", [])
    open_page(page, address)
    expect(page.locator("#wishes-note")).to_contain_text("Nothing can be asked for here")
    expect(page.locator("#wish-start")).to_be_hidden()
    expect(page.locator("#drop-points")).to_be_visible()


def test_jobs_that_cannot_be_listed_are_told_in_words_and_asked_for_again(page: Page, address: str) -> None:
    page.route("**/jobs?*", lambda route: route.abort())
    page.route("**/attributes", lambda route: route.abort())
    open_page(page, address)
    expect(page.locator("#tray-summary")).to_have_text("not known")
    expect(page.locator("#wishes-note")).to_contain_text("The server did not answer")
    page.locator("#tray-toggle").click()
    expect(page.locator("#tray-error")).to_contain_text("The server did not answer")
    page.unroute("**/jobs?*")
    page.unroute("**/attributes")
    page.locator("#tray-again").click()
    expect(page.locator("#tray-summary")).to_have_text("none yet")
    page.locator("#wishes-again").click()
    expect(page.locator("#wish-seat_width")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_tray_covers_no_control_when_folded(
    page: Page, address: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, address)
    job = start_search(page, seat_width=2)
    expect(entry(page, job)).to_have_attribute("data-status", "done")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    panel = page.locator("#tray-panel").bounding_box()
    assert panel
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 390
    page.locator("#tray-close").click()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    tray, last = page.locator("#tray-toggle").bounding_box(), page.locator("#get-safetensors").bounding_box()
    assert tray
    assert last
    assert last["y"] + last["height"] < tray["y"]
