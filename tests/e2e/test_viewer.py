"""The instrument in a real browser, fed with frames of made-up traffic."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from benchmarks.viewer_page import feeding_page
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import decode
from tests.lab.step_traces import Traffic

pytestmark = pytest.mark.e2e

FRAMES_PER_S = 20.0


def frames(number: int = 1200) -> list[bytes]:
    """One frame a step, of a pool of 365 blocks that is busy from the start."""
    traffic = Traffic(
        num_blocks=365,
        block_size=32,
        max_running=8,
        budget=512,
        arrivals_per_step=0.1,
        prompt=(200, 900),
        output=(300, 600),
        abort_chance=0.0,
    )
    for _ in range(100):
        traffic.step()
    encoder = FrameEncoder("one", 1, traffic.num_blocks, traffic.block_size)
    encoder.apply(decode(traffic.snapshot()))
    made = [encoder.next_frame(keyframe=True)]
    for _ in range(number):
        for record in traffic.step():
            encoder.apply(decode(record))
        made.append(encoder.next_frame())
    return [frame for frame in made if frame is not None]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with feeding_page(frames(), FRAMES_PER_S) as url:
        yield url


@pytest.fixture
def make_page(browser: Browser, address: str) -> Iterator[object]:
    contexts = []

    def open_page(width: int = 1440, has_toured: bool = True) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        if has_toured:
            page.add_init_script("localStorage.setItem('servelab.tour', '1')")
        page.goto(address)
        page.wait_for_function(
            "document.querySelector('#strip-usage-now').textContent.includes('%')"
        )
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_every_block_is_drawn_and_told_by_arrow_keys(make_page):
    page = make_page()
    page.focus("#lab-pan")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#lab-tag")).to_contain_text("block 1 ·")
    page.keyboard.press("End")
    expect(page.locator("#lab-tag")).to_contain_text("block 364 ·")
    colours = page.evaluate(
        """() => {
          const canvas = document.querySelector("#lab-canvas");
          const context = canvas.getContext("2d");
          const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )
    assert colours > 5


def test_the_legend_counts_every_block(make_page):
    page = make_page()
    page.click("#lab-pause")
    states = ("used", "shared", "cached", "free")
    numbers = [
        int(page.locator(f'[data-state="{state}"] b').inner_text()) for state in states
    ]
    assert sum(numbers) == 364


def test_pause_steps_back_through_the_last_minute_and_resumes(make_page):
    page = make_page()
    page.wait_for_timeout(1000)
    page.click("#lab-pause")
    expect(page.locator("#lab-when")).to_contain_text("−")
    for _ in range(12):
        page.click("#lab-back")
        stamps = page.locator("#lab-when").inner_text()
        if float(stamps.strip("−s\u202f ")) >= 0.2:
            break
    else:
        raise AssertionError(stamps)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#lab-when")).to_have_text("live")


def test_choosing_a_request_draws_its_block_table(make_page):
    page = make_page()
    page.click("#lab-pause")
    row = page.locator("#lab-requests tr").first
    number = int(row.locator("td").last.inner_text())
    row.locator("button").click()
    expect(page.locator("#lab-block-table-line li")).to_have_count(number)
    expect(row.locator("button")).to_have_attribute("aria-pressed", "true")


def test_your_requests_carry_their_mark(make_page):
    page = make_page()
    page.click("#lab-pause")
    page.evaluate(
        """() => {
          const shortId = Number(
            document.querySelector("#lab-requests tr").dataset.shortId);
          const detail = {engineHostId: "one", shortId, label: "Ask", state: "add"};
          document.dispatchEvent(new CustomEvent("servelab:yours", {detail}));
        }"""
    )
    expect(page.locator('[data-state="yours"] b')).not_to_have_text("0")
    expect(page.locator("#lab-requests tr").first).to_contain_text("Ask")


def test_the_text_view_says_the_same(make_page):
    page = make_page()
    page.get_by_role("tab", name="In words").click()
    expect(page.locator("#text-view-pool")).to_contain_text("365 blocks of 32 tokens")
    expect(page.locator("#text-view-list li").first).to_contain_text("answering")
    expect(page.locator("#text-view-minute tr").first).to_contain_text("%")


def test_the_tour_comes_once_and_again_when_asked(make_page):
    page = make_page(has_toured=False)
    tour = page.locator("#lab-tour")
    expect(tour).to_contain_text("one physical block")
    page.get_by_role("button", name="Next").click()
    expect(tour).to_contain_text("Colours and marks")
    ink, ground = page.locator("#lab-tour-next").evaluate(
        "(one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    )
    assert ink != ground, "the words of the button under the pointer can be read"
    page.get_by_role("button", name="Skip the tour").click()
    expect(tour).to_be_hidden()
    page.reload()
    expect(tour).to_be_hidden()
    page.get_by_role("button", name="Tour", exact=True).click()
    expect(tour).to_be_visible()


@pytest.mark.parametrize("width", [390, 1000])
def test_a_narrow_page_folds_the_instrument_to_its_live_figures(make_page, width):
    page = make_page(width)
    expect(page.locator("#lab")).to_be_hidden()
    expect(page.locator("#lab-handle-blocks")).to_contain_text("of 364")
    page.click("#lab-handle-toggle")
    expect(page.locator("#lab-canvas")).to_be_visible()
    page.wait_for_function("() => document.querySelector('#lab-canvas').width > 100")


def test_axe_finds_nothing(make_page):
    page = make_page()
    for view in ("Requests", "Timeline", "Prefix cache", "Memory", "In words"):
        page.get_by_role("tab", name=view).click()
        page.wait_for_timeout(1200)
        found = Axe().run(page, context="#instrument").response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], view
