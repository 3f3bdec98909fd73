"""A learner runs experiments in the lab: real engine, real server, real browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

RUN_MS = 240_000

LEARNERS_WAY = [
    pytest.param(
        "full-house",
        {"share": 40, "prompt": 64, "output": 16},
        "90",
        "kept both objectives",
        1440,
        id="full house",
    ),
    pytest.param(
        "throughput",
        {"most": 2, "output": 8, "prompt": 32},
        "2",
        "fitted to the loads of 1 and 2 at once",
        390,
        id="throughput, on a phone",
    ),
    pytest.param("cold-start", {}, "20", "first token", 1440, id="cold start"),
]
"""Experiment, small settings, prediction, what the result says, the window's width.
Prefix sharing has a test of its own, in both widths."""


@pytest.fixture
def room(page: Page) -> Iterator[Page]:
    """The lab's page with a ready engine; no script error is let pass."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: said.type == "error" and errors.append(said.text))
    yield page
    assert errors == []


def _open(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    page.wait_for_selector('#lab-state[data-state="ready"]', timeout=120_000)
    tour = page.locator("#lab-tour-end")
    if tour.is_visible():
        tour.click()


def _run(page: Page, prediction: str) -> None:
    page.fill("#experiment-prediction", prediction)
    page.click("#experiment-run")
    expect(page.locator("#experiment-stop")).to_be_visible()
    summary = page.locator(".result > summary").first
    expect(summary).to_contain_text("measured", timeout=RUN_MS)


@pytest.mark.parametrize("width", [1440, 390])
def test_prefix_sharing_is_predicted_run_and_shown_beside_the_prediction(
    room: Page, width: int
) -> None:
    _open(room, "/lab/?experiment=prefix", width)
    room.select_option("#setting-variant", "changed")
    room.fill("#setting-at_once", "4")
    link = room.get_attribute("#experiment-link", "href") or ""
    assert "variant=changed" in link and "at_once=4" in link
    _run(room, "50")
    result = room.locator(".result").first
    expect(result.locator(".is-predicted")).to_contain_text("50")
    expect(result.locator(".is-measured")).to_contain_text(re.compile(r"\d+.*%"))
    expect(result).to_contain_text("only whole blocks are shared")
    table = result.locator(".plot .as-table").first
    table.locator("summary").click()
    assert table.locator("tbody tr").count() == 6, "the first, again, and four at once"
    wide = room.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width, "nothing is wider than the page"
    room.goto(link if link.startswith("/") else f"/lab/{link}")
    expect(room.locator("#setting-variant")).to_have_value("changed")
    expect(room.locator(".result").first).to_contain_text("measured")


@pytest.mark.parametrize("width", [1440, 390])
def test_blocks_and_regions_are_held_against_each_other_live(
    room: Page, width: int
) -> None:
    _open(room, "/lab/?experiment=contiguous&number=12&output=96", width)
    room.fill("#experiment-prediction", "8")
    room.click("#experiment-run")
    state = room.locator("#experiment-state")
    expect(state).to_contain_text("In regions, computed", timeout=RUN_MS)
    result = room.locator(".result").first
    expect(result.locator(".is-measured")).to_contain_text("derived", timeout=RUN_MS)
    expect(result.locator(".is-predicted")).to_contain_text("8")
    expect(result).to_contain_text("In blocks 12 of the 12 were in memory at once")
    assert result.locator(".plot-fill.is-used[d]").count() >= 2, "bands of both sides"
    assert result.locator(".as-table").count() >= 4, "each drawing has its table"
    wide = room.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width, "nothing is wider than the page"


@pytest.mark.parametrize(("name", "settings", "guess", "says", "width"), LEARNERS_WAY)
def test_a_learner_chooses_predicts_runs_sees_and_reopens(
    room: Page,
    name: str,
    settings: dict[str, int],
    guess: str,
    says: str,
    width: int,
) -> None:
    _open(room, "/lab/", width)
    title = room.locator(f'.experiment-list a[href$="experiment={name}"]')
    title.click()
    expect(room.locator("#experiment-title")).to_have_text(title.inner_text())
    room.wait_for_selector('#lab-state[data-state="ready"]', timeout=120_000)
    for setting, value in settings.items():
        room.fill(f"#setting-{setting}", str(value))
    link = room.get_attribute("#experiment-link", "href") or ""
    assert all(f"{setting}={value}" in link for setting, value in settings.items())
    _run(room, guess)
    result = room.locator(".result").first
    expect(result).to_contain_text(says)
    expect(result.locator(".is-predicted")).to_contain_text(guess)
    expect(result.locator(".is-measured")).to_contain_text(re.compile(r"\d"))
    expect(result.locator(".plot-drawing").first).to_be_visible()
    wide = room.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= width, "nothing is wider than the page"
    room.goto(f"/lab/{link}")
    for setting, value in settings.items():
        expect(room.locator(f"#setting-{setting}")).to_have_value(str(value))
    expect(room.locator(".result").first).to_contain_text(f"predicted {guess}")


def test_without_prefix_caching_a_second_engine_takes_nothing_from_its_cache(
    room: Page,
) -> None:
    _open(room, "/lab/?experiment=prefix&at_once=2&tokens=96", 1440)
    room.select_option("#setting-prefix_caching", "off")
    link = room.get_attribute("#experiment-link", "href") or ""
    assert "prefix_caching=off" in link
    _run(room, "0")
    result = room.locator(".result").first
    expect(result.locator(".is-measured")).to_contain_text(re.compile(r"measured\s*0"))
    expect(result).to_contain_text("Each of the 2 at once took 0 tokens")
    expect(result).to_contain_text("It ran on a second engine beside the main one")
    expect(result).to_contain_text("Prefix caching: off")


def test_a_run_can_be_stopped_and_the_next_one_works(room: Page) -> None:
    _open(room, "/lab/?experiment=prefix&at_once=2&tokens=64", 1440)
    room.fill("#experiment-prediction", "10")
    room.click("#experiment-run")
    room.click("#experiment-stop")
    expect(room.locator("#experiment-state")).to_contain_text("Stopped")
    expect(room.locator("#experiment-run")).to_be_enabled()
    _run(room, "10")


def test_the_projectors_page_shows_nothing_of_the_learners_own(room: Page) -> None:
    _open(room, "/lab/?projector&experiment=prefix&at_once=2&tokens=64", 1920)
    expect(room.locator("#mentor")).to_have_count(0)
    expect(room.locator(".result")).to_have_count(0)
    room.locator("body").click(position={"x": 5, "y": 5})
    room.keyboard.press("Space")
    expect(room.locator("#lab-when")).not_to_have_text("live")
    room.keyboard.press("l")
    expect(room.locator("#lab-when")).to_have_text("live")
    _run(room, "10")
    expect(room.locator('#lab-legend [data-state="yours"]')).to_be_hidden()


def test_a_phones_menu_leads_everywhere(room: Page) -> None:
    room.set_viewport_size({"width": 390, "height": 800})
    room.goto("/glossary/")
    room.click(".site-menu summary")
    room.click('.site-menu a[href="/lab/"]')
    expect(room.locator("#experiment-title")).to_be_visible()
