"""A learner records the engine, names, replays, scrubs and shares the recording."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_reading import look

pytestmark = pytest.mark.e2e

SHIPPED = Path(__file__).parents[2] / "lab" / "recordings" / "smollm2-cpu-mixed.svlr"
SCRUB = """
async (places) => {
  const slider = document.getElementById("replay-slider");
  const requests = [];
  for (const place of places) {
    slider.value = String(place * slider.max);
    slider.dispatchEvent(new Event("input"));
    const painted = (done) => requestAnimationFrame(() => requestAnimationFrame(done));
    await new Promise(painted);
    requests.push(document.querySelectorAll('[data-part="body"] tr').length);
  }
  return requests;
}
"""
"""Moves to each place, and tells how many requests the table has there."""


@pytest.fixture
def visitor(page: Page) -> Iterator[Page]:
    """A browser in whose scripts nothing goes wrong."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


def _record(page: Page) -> None:
    """A demonstration, recorded from the lab's page."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/lab/")
    page.wait_for_selector('#lab-state[data-state="ready"]', timeout=120_000)
    if page.locator("#lab-tour-end").is_visible():
        page.click("#lab-tour-end")
    page.click("#record-button")
    expect(page.locator("#record-words")).to_contain_text("recording 0:0")
    page.click('[data-demo="eight"]')
    expect(page.locator("#lab-stop")).to_be_enabled(timeout=60_000)
    expect(page.locator("#lab-stop")).to_be_disabled(timeout=120_000)
    page.click("#record-button")
    expect(page.locator("#record-kept")).to_be_visible(timeout=30_000)


def test_record_name_replay_scrub_share_and_upload(
    visitor: Page, browser: Browser, base_url: str, tmp_path: Path
) -> None:
    page = visitor
    _record(page)
    expect(page.locator("#record-title")).to_be_focused()
    page.fill("#record-title", "Eight at once, mine")
    page.press("#record-title", "Enter")
    expect(page.locator("#record-words")).to_contain_text("Eight at once, mine")

    page.click("#record-replay")
    when = page.locator("#replay-when")
    expect(when).to_contain_text("0.0 of")
    page.press("body", "ArrowRight")
    expect(when).not_to_contain_text("0.0 of 0")
    page.select_option("#replay-speed", "16")
    page.press("body", "-")
    expect(page.locator("#replay-speed")).to_have_value("8")
    page.select_option("#replay-speed", "0.25")
    page.click("#replay-play")
    expect(page.locator("#replay-play")).to_have_text("Pause")
    page.press("body", " ")
    expect(page.locator("#replay-play")).to_have_text("Play")
    page.select_option("#replay-speed", "16")
    page.click("#replay-play")
    expect(when).to_have_text(re.compile(r"^([\d.]+) of \1"), timeout=120_000)
    expect(page.locator("#replay-play")).to_have_text("Play")
    page.press("body", "Home")
    expect(when).to_contain_text("0.0 of")
    places = [number * 7 % 20 / 20 for number in range(1, 20)]
    requests = page.evaluate(SCRUB, places)
    assert max(requests) == 8, "all of the demonstration, somewhere between"
    assert page.evaluate(SCRUB, places[::-1]) == requests[::-1], "from anywhere"
    page.focus("#replay-slider")
    before = when.text_content()
    page.keyboard.press("ArrowRight")
    expect(when).not_to_have_text(before or "")

    page.goto("/lab/recordings/")
    own = page.locator(".shelf-list li", has_text="Eight at once, mine")
    own.get_by_role("button", name="Share by an address").click()
    address = page.locator(".shelf-share input").input_value()
    with browser.new_context() as elsewhere:
        other = elsewhere.new_page()
        answer = other.goto(address)
        assert answer is not None and answer.ok
        expect(other.locator("h2").first).to_have_text("Eight at once, mine")
        expect(other.locator("#replay-when")).to_contain_text("0.0 of")
        page.get_by_role("button", name="Take the address back").click()
        expect(page.locator(".shelf-share")).to_have_count(0)
        answer = other.goto(address)
        assert answer is not None and answer.status == 404

    damaged = bytearray(SHIPPED.read_bytes())
    damaged[-300] ^= 0xFF
    wrong = tmp_path / "a friend's.svlr"
    wrong.write_bytes(damaged)
    page.set_input_files("#upload-file", wrong)
    page.click("text=Upload >> nth=-1")
    expect(page.locator('[role="alert"]')).to_contain_text(
        re.compile("a friend.s.svlr is damaged: the checksum")
    )
    page.set_input_files("#upload-file", SHIPPED)
    page.click("text=Upload >> nth=-1")
    expect(page.locator(".shelf-message")).to_contain_text("smollm2-cpu-mixed")
    with page.expect_download() as download:
        own.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "eight-at-once-mine.svlr"


def test_what_if_of_a_shipped_recording(visitor: Page) -> None:
    page = visitor
    page.goto("/lab/replay/experiment-full-house/")
    page.get_by_role("link", name="What if?").click()
    blocks = page.get_by_label("Blocks", exact=True)
    recorded = int(blocks.input_value())
    blocks.fill("9")
    blocks.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(
        "9 blocks cannot be rehearsed here"
    )
    expect(blocks).to_have_value("9")
    look(page, "whatif-refused")

    blocks.fill(str(2 * recorded))
    page.get_by_role("button", name="Go through it again").click()
    table = page.locator(".whatif-table")
    expect(table).to_be_visible(timeout=240_000)
    expect(page.locator(".whatif-exact")).to_contain_text("0 of ")
    changed = table.locator(".is-changed")
    expect(changed).to_have_count(1)
    expect(changed.locator("td")).to_have_text(
        [f"{recorded:,}", f"{2 * recorded:,}", ""]
    )
    preempted = table.get_by_role("row", name="Preemptions").locator("td")
    expect(preempted.nth(0)).to_have_text(re.compile(r"[1-9]"))
    expect(preempted.nth(2)).to_have_text(re.compile(r"^−[1-9]"))
    look(page, "whatif")


@pytest.mark.parametrize("width", [390, 1440])
def test_two_recordings_on_one_time_line(visitor: Page, width: int) -> None:
    page = visitor
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/lab/replay/smollm2-cpu-mixed/")
    page.select_option("#replay-with", "smollm2-cpu-overflow")
    page.click("text=Compare")
    expect(page.locator("#replay-when")).to_contain_text("of 46.2")
    page.evaluate(SCRUB, [0.5])
    sides = page.locator(".replay-side")
    first, second = (sides.nth(number).bounding_box() for number in (0, 1))
    assert first is not None and second is not None
    if width == 1440:
        assert first["y"] == second["y"] and first["x"] < second["x"]
    else:
        assert first["y"] < second["y"] and first["x"] == second["x"]
    for number in (0, 1):
        used = sides.nth(number).locator('[data-part="usageNow"]')
        expect(used).to_contain_text(re.compile(r"[1-9].* %"))
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
