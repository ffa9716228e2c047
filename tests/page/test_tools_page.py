"""The page's tools: keys, this view as code, directions, corners, the comparison, videos, downloads."""

import base64
import json
import os
import re
import shlex
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import typer
from serving import ROOT, SPACE

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright")
from looking import PATIENCE, open_page, rest, stage_says
from playwright.sync_api import Browser, Locator, Page, expect

from netspace.cli import app

NO_SURFACE = "status of 422"
"""The browser's own line for raw weights that have no surface; the page says so in words."""
LINE = "?a=chair-003&b=chair-005&t=0.5"
CORNERS = f"{LINE}&c=chair-007&d=chair-009"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    opened = context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    opened.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert [failure for failure in failures if NO_SURFACE not in failure] == []


def code(page: Page, kind: str) -> str:
    """What the dialog offers, in one of its languages."""
    page.locator("#get-code").click()
    page.locator(f"#code label:has(input[value={kind}])").click()
    text = page.locator("#code code").inner_text()
    page.locator("#code").get_by_role("button", name="Close").click()
    return text


def run(command: list[str] | str, folder: Path) -> str:
    """What it prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def parse(command: list[str]) -> dict:
    """The parameters that `netspace ...` understands. Raises what the command line says of a bad one."""
    assert command[0] == "netspace"
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    chosen = group.commands[command[1]]
    return chosen.make_context(command[1], command[2:]).params


def test_keys_walk_the_line_swap_undo_and_redo(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    for key, t in (("ArrowRight", "0.5167"), ("Shift+ArrowLeft", "0.3500"), ("b", "1.0000"), ("a", "0.0000")):
        page.keyboard.press(key)
        stage_says(page, "t", t)
    page.keyboard.press("x")
    stage_says(page, "a", "chair-005")
    page.keyboard.press("u")
    stage_says(page, "a", "chair-003")
    page.keyboard.press("Control+Shift+Z")
    stage_says(page, "a", "chair-005")
    page.keyboard.press("Control+z")
    stage_says(page, "a", "chair-003")
    page.keyboard.press(" ")
    expect(page.locator("#play")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press(" ")
    expect(page.locator("#play")).not_to_have_attribute("aria-label", "Pause")


def test_keys_go_to_the_galleries_and_whoever_types_types(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.keyboard.press("2")
    expect(page.locator("#gallery-b input[value=chair-005]")).to_be_focused()
    page.keyboard.press("1")
    expect(page.locator("#gallery-a input[value=chair-003]")).to_be_focused()
    page.locator("#gallery-a input[type=search]").fill("")
    page.locator("#gallery-a input[type=search]").press("x")
    expect(page.locator("#gallery-a input[type=search]")).to_have_value("x")
    stage_says(page, "a", "chair-003")


def test_the_help_lists_the_keys_and_single_keys_can_be_turned_off(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Swap A and B")
    page.keyboard.press("x")  # a dialog is open: its keys are its own
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("x")
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    stage_says(page, "a", "chair-003")


def test_a_copied_command_is_what_the_dialog_shows(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="This view as code")
    shown = dialog.locator("code").inner_text()
    dialog.get_by_role("button", name="Copy").click()
    expect(page.locator(".notice")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == shown


@pytest.mark.parametrize("of", ["latent", "weights"])
def test_this_view_as_curl_python_and_commands_makes_what_is_seen(page: Page, address: str, tmp_path: Path, of: str):
    if not (SPACE / "config.json").exists():
        pytest.skip("the library's commands need a space")
    open_page(page, address)
    for end, index in (("a", 3), ("b", 5)):
        page.locator(f"#gallery-{end} .card").nth(index).click()
    page.locator("#slider").fill("45" if of == "latent" else "60")
    stage_says(page, "t", "0.7500" if of == "latent" else "1.0000")
    rest(page)
    if of == "weights":
        page.locator("label", has=page.locator("#of-weights")).click()
        stage_says(page, "of", "weights")
        rest(page)
    made: dict[str, tuple[int, bytes]] = {}
    (tmp_path / "checkpoints").symlink_to(SPACE.parent)
    for kind in ("curl", "python", "commands"):
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "checkpoints").symlink_to(SPACE.parent)
        text = code(page, kind)
        if kind == "python":
            run([sys.executable, "-c", text], folder)
        else:
            netspace = f"{shlex.quote(sys.executable)} -c 'from netspace.cli import main; main()'"
            run(["sh", "-ec", f'netspace() {{ {netspace} "$@"; }}\n{text}'], folder)
        mesh, network = (folder / "shape.glb").read_bytes(), (folder / "shape.pt").read_bytes()
        assert mesh.startswith(b"glTF")
        assert network.startswith(b"PK")
        made[kind] = (vertices(mesh), network)
    counts = [count for count, _ in made.values()]
    assert max(counts) - min(counts) <= 0.002 * max(counts)


def vertices(glb: bytes) -> int:
    """How many a binary glTF's mesh has."""
    (length,) = struct.unpack_from("<I", glb, 12)
    scene = json.loads(glb[20 : 20 + length])
    return scene["accessors"][scene["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]["count"]


def test_this_place_as_curl_asks_the_server_and_as_commands_is_understood(
    page: Page, fake_address: str, tmp_path: Path
):
    open_page(page, f"{fake_address}/?a=chair-003&b=chair-005&at=chair-003:0.25,chair-005:0.75,~seat_height:0.05")
    for command in code(page, "curl").splitlines():
        if not command.startswith("#"):
            run(["sh", "-ec", command], tmp_path)
    assert (tmp_path / "shape.glb").read_bytes().startswith(b"glTF")
    commands = [shlex.split(line) for line in code(page, "commands").splitlines() if line.startswith("netspace")]
    assert commands
    for command in commands:
        assert parse(command)


def drag_to(page: Page, surface: Locator, u: float, v: float) -> None:
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * u, box["y"] + box["height"] * (1 - v), steps=5)
    page.mouse.up()


def weights_of(page: Page) -> dict[str, float]:
    """Of the place that the stage shows."""
    at = page.locator("#stage").get_attribute("data-at") or ""
    return {name: float(weight) for name, _, weight in (term.rpartition(":") for term in at.split(","))}


def test_four_corners_are_blended_by_dragging_and_by_keys_and_survive_a_reload(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{CORNERS}")
    pad, handle = page.locator("#pad"), page.locator("#pad .pad-handle")
    expect(pad).to_have_attribute("data-corners", "4")
    drag_to(page, pad, 0.25, 0.5)
    stage_says(page, "at", re.compile("chair-009"))
    rest(page)
    want = {"chair-003": 0.375, "chair-005": 0.125, "chair-007": 0.375, "chair-009": 0.125}
    assert weights_of(page) == pytest.approx(want, abs=0.02)
    before = page.locator("#stage").get_attribute("data-at") or ""
    handle.press("ArrowRight")
    stage_says(page, "at", re.compile(f"^(?!{re.escape(before)}$)"))
    rest(page)
    assert weights_of(page)["chair-005"] == pytest.approx(0.15, abs=0.02)
    expect(handle).to_have_attribute("aria-label", re.compile(r"\d+ % A, \d+ % B, \d+ % C, \d+ % D"))
    shown = page.locator("#stage").get_attribute("data-at") or ""
    expect(page).to_have_url(re.compile(re.escape(quote(shown, safe=":,"))))
    page.reload()
    stage_says(page, "at", shown)
    expect(page.locator("#pick-d")).to_have_value("chair-009")


def test_a_triangle_needs_a_third_corner_and_a_drag_beyond_it_stays_on_its_edge(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    expect(page.locator("#pad")).to_be_hidden()
    expect(page.locator("#pad-words")).to_contain_text("Pick a third corner")
    page.locator("#pick-c").select_option("chair-007")
    expect(page.locator("#pad")).to_have_attribute("data-corners", "3")
    drag_to(page, page.locator("#pad"), 0.02, 0.98)
    stage_says(page, "at", re.compile("chair-007"))
    rest(page)
    assert weights_of(page).get("chair-005", 0) == pytest.approx(0, abs=1e-3)


def test_a_direction_moves_the_shape_says_its_trust_and_is_reset(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    slider = page.locator("#along-seat_height")
    expect(page.locator(".wish", has=slider)).to_contain_text("R² 0.97")
    vertices_before = page.locator("#stage").get_attribute("data-vertices")
    slider.fill("15")
    stage_says(page, "at", re.compile(r"^chair-003:0\.5,chair-005:0\.5,~seat_height:"))
    rest(page)
    expect(page.locator(".wish", has=slider).locator("output")).to_contain_text("taller seat, +")
    assert page.locator("#stage").get_attribute("data-vertices") != vertices_before
    page.locator("#directions").get_by_role("button", name="Reset").click()
    stage_says(page, "at", "")
    stage_says(page, "t", "0.5000")
    expect(slider).to_have_value("0")


def test_a_principal_component_moves_the_shape_and_the_address(page: Page, address: str):
    open_page(page, address)
    before = page.locator("#stage").get_attribute("data-vertices")
    page.locator("#directions summary").click()
    components = page.locator("#directions .wish", has_text="rincipal component")
    expect(components).not_to_have_count(0)
    slider = components.first.locator("input")
    name = (slider.get_attribute("id") or "").removeprefix("along-")
    slider.fill("20")
    stage_says(page, "at", re.compile(f",~{name}:"))
    expect(page).to_have_url(re.compile(f"~{name}:"))
    rest(page)
    expect(components.first.locator("output")).to_contain_text("+")
    assert page.locator("#stage").get_attribute("data-vertices") != before
    page.reload()
    rest(page)
    stage_says(page, "at", re.compile(f",~{name}:"))
    expect(slider).to_have_value("20")


def test_the_shape_stays_in_sight_while_sliders_below_it_move(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.locator("#directions form").scroll_into_view_if_needed()
    stages = page.locator("#stages")
    expect(page.locator("#stage")).not_to_be_in_viewport()
    page.locator("#along-seat_height").fill("12")
    expect(page.locator("#stage")).to_be_in_viewport()
    assert (stages.bounding_box() or {})["width"] < 300
    page.get_by_role("button", name="Back to the 3-D view").click()
    expect(stages).not_to_have_class(re.compile("afloat"))
    expect(page.locator("#stage")).to_be_in_viewport()


def test_a_place_is_kept_as_a_latent_under_its_name(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.locator("#along-seat_width").fill("10")
    rest(page)
    page.get_by_label("Name of this place").fill("a wide one")
    page.get_by_role("button", name="Keep as a latent").click()
    expect(page.locator(".notice")).to_contain_text("a wide one is kept")
    expect(page.locator("#gallery-a .card", has_text="a wide one")).to_have_count(1)


def test_directions_that_are_not_known_are_told_and_can_be_asked_for_again(page: Page, fake_address: str):
    failing = page.context.new_page()  # its console may speak of the refusal
    failing.route(
        "**/directions", lambda route: route.fulfill(status=503, json={"title": "Too busy", "detail": "Later."})
    )
    open_page(failing, f"{fake_address}/{LINE}")
    expect(failing.locator("#directions [role=status]")).to_contain_text("not known. Too busy. Later.")
    failing.unroute("**/directions")
    failing.locator("#directions").get_by_role("button", name="Try again").click()
    expect(failing.locator("#along-seat_height")).to_be_visible()


def test_two_networks_are_compared_in_numbers(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    panel = page.locator("#compare")
    panel.scroll_into_view_if_needed()
    expect(panel).to_have_attribute("data-state", "known")
    different = panel.locator("tr", has_text="IoU").locator("td").inner_text()
    assert 0 <= int(different.removesuffix(" %")) < 100
    page.locator("#to-a").click()
    panel.locator("label", has_text="A and what is shown").click()
    expect(panel.locator("tr", has_text="IoU").locator("td")).to_have_text("100 %")
    expect(panel.locator("[role=status]")).to_contain_text("same shape")


@pytest.mark.parametrize("name", ["glb", "stl", "ply", "obj", "pt", "safetensors"])
def test_what_is_seen_is_taken_home_in_every_format(page: Page, fake_address: str, name: str):
    open_page(page, f"{fake_address}/{LINE}")
    with page.expect_download() as download:
        page.locator(f"#get-{name}").click()
    assert download.value.suggested_filename.endswith(f".{name}")
    starts = {"glb": b"glTF", "ply": b"ply", "pt": b"PK"}
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(starts.get(name, b""))
    assert content


def seen_in(page: Page, video: bytes) -> dict:
    """Its size, the colours of its first picture, and whether others differ from it, as a browser plays it."""
    return page.evaluate(
        """async (content) => {
            const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
            const video = document.createElement("video");
            video.src = URL.createObjectURL(new Blob([bytes], { type: "video/webm" }));
            await new Promise((resolve, reject) => Object.assign(video, { onloadeddata: resolve, onerror: reject }));
            const [width, height] = [video.videoWidth, video.videoHeight];
            const paper = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
            const picture = async (time) => {
                video.currentTime = time;
                await new Promise((resolve) => (video.onseeked = resolve));
                paper.drawImage(video, 0, 0);
                return new Uint32Array(paper.getImageData(0, 0, width, height).data.buffer);
            };
            const first = await picture(0);
            let moved = false; // the encoder may start late, on a first picture that stands still
            for (let time = 0.5; time < 20 && !moved; time += 0.5) {
                const later = await picture(time);
                moved = first.some((x, i) => x !== later[i]);
            }
            return { size: [width, height], colours: new Set(first).size, moved };
        }""",
        base64.b64encode(video).decode(),
    )


def test_a_video_of_the_line_is_made_in_the_browser(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.keyboard.press("v")
    dialog = page.get_by_role("dialog", name="A video")
    dialog.get_by_label("Length").select_option("4")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Record").click()
        expect(dialog.locator("progress")).to_be_visible()
    assert download.value.suggested_filename.endswith(".webm")
    seen = seen_in(page.context.new_page(), Path(download.value.path()).read_bytes())
    assert seen["size"] == [720, 720]
    assert seen["colours"] > 50  # of a shaded shape before a ground
    assert seen["moved"]
    expect(dialog.locator("[role=status]")).to_contain_text("Done")


def test_a_video_that_is_cancelled_keeps_nothing(page: Page, fake_address: str):
    open_page(page, f"{fake_address}/{LINE}")
    page.locator("#get-video").click()
    dialog = page.get_by_role("dialog", name="A video")
    dialog.get_by_label("Turning around").check()
    dialog.get_by_role("button", name="Record").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog.locator("[role=status]")).to_contain_text("Cancelled; nothing was kept")
    expect(dialog.get_by_role("button", name="Record")).to_be_enabled()


def test_a_browser_that_cannot_record_is_told_so(page: Page, fake_address: str):
    page.add_init_script("delete window.MediaRecorder")
    open_page(page, f"{fake_address}/{LINE}")
    page.locator("#get-video").click()
    dialog = page.get_by_role("dialog", name="A video")
    expect(dialog.locator("[role=status]")).to_contain_text("This browser cannot record")
    expect(dialog.get_by_role("button", name="Record")).to_be_disabled()
