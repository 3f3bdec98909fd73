"""A learner is told why: which token their prompt differs at, and what a block says."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_reading import look

pytestmark = pytest.mark.e2e

ANSWER_MS = 120_000


def _begin(lab: Page, question: str) -> None:
    lab.fill("#mentor-question", question)
    lab.press("#mentor-question", "Enter")


def _ask(lab: Page, question: str) -> None:
    _begin(lab, question)
    turn = lab.locator(".mentor-turn").last
    expect(turn.locator('[data-part="question"]')).to_contain_text(question)
    expect(turn).to_have_attribute("data-state", "answered", timeout=ANSWER_MS)


def test_a_learner_reads_why_the_second_question_hit_no_more(lab: Page) -> None:
    _ask(lab, "How is memory wasted without PagedAttention?")
    _ask(lab, "How is memory shared by PagedAttention?")
    why = lab.locator("#lab-why")
    expect(why.locator("#lab-why-title")).to_have_text(
        re.compile(r"Why: your request [0-9a-f]{3}"), timeout=ANSWER_MS
    )
    sentences = why.locator("#lab-why-sentences")
    expect(sentences).to_contain_text(
        re.compile(r"It took [1-9]\d+ of its [\d,]+ tokens from the prefix cache")
    )
    expect(sentences).to_contain_text(
        re.compile(r"your request [0-9a-f]{3} .*at token \d+, in logical block \d+")
    )
    expect(why.locator("#lab-why-apart")).to_contain_text("this one has")
    why.locator("summary").press("Enter")
    rows = why.locator("#lab-why-rows tr")
    expect(rows.first).to_contain_text("taken from the prefix cache")
    expect(rows.last).to_contain_text("the last token")


def test_an_own_block_shows_its_words_to_pointer_and_keys(lab: Page) -> None:
    _begin(lab, "Why are cold starts slow, phase by phase?")
    mine = lab.locator("#lab-requests .is-yours .request-name").first
    mine.click(timeout=ANSWER_MS)
    first = lab.locator("#lab-block-table-line li").first
    words = lab.locator("#lab-block-words")
    expect(lab.locator("#lab-why-sentences")).to_contain_text(re.compile("It took"))
    first.focus()
    expect(words).to_contain_text(re.compile(r"Logical block 0: “.+”"))
    lab.keyboard.press("ArrowRight")
    expect(words).to_contain_text(re.compile(r"Logical block 1: “.+”"))
    lab.click("#mentor-stop")


def test_an_own_block_under_the_pointer_says_its_words(lab: Page) -> None:
    _begin(lab, "Which blocks of mine does a preemption take, and why those?")
    mine = lab.locator("#lab-requests .is-yours .request-name").first
    mine.click(timeout=ANSWER_MS)
    expect(lab.locator("#lab-why-sentences")).to_contain_text(re.compile("It took"))
    lab.click("#lab-pause")
    stop = lab.locator("#mentor-stop")
    if stop.is_visible():
        stop.click()
    state = re.compile("stopped|answered")
    expect(lab.locator(".mentor-turn").last).to_have_attribute("data-state", state)
    for _ in range(200):  # it may have ended before the pause
        if mine.is_visible():
            break
        lab.click("#lab-back")
    if mine.get_attribute("aria-pressed") == "false":
        mine.click()

    lab.locator("#lab-pan").scroll_into_view_if_needed()
    square = lab.locator("#lab-block-table-line li").first
    square.evaluate("(one) => one.focus({preventScroll: true})")
    cursor, tag = lab.locator("#lab-cursor"), lab.locator("#lab-tag")
    expect(cursor).to_be_visible()
    place = cursor.bounding_box()
    assert place is not None
    square.blur()
    expect(tag).to_have_text("")
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    lab.mouse.move(x, y)
    words = r"block \d+ .* request [0-9a-f]{3} \(yours\), logical 0 .* “.+”"
    expect(tag).to_contain_text(re.compile(words))
    lab.mouse.move(0, 0)
    expect(tag).to_have_text("")


def test_what_is_said_of_reasons_fits_a_phone_and_has_no_barrier(lab: Page) -> None:
    lab.goto("/lab/")
    lab.wait_for_selector('#lab-state[data-state="ready"]', timeout=ANSWER_MS)
    _ask(lab, "What makes a prefix hit, and what makes it miss?")
    why = lab.locator("#lab-why-sentences")
    expect(why).to_contain_text(re.compile("It took"), timeout=ANSWER_MS)
    look(lab, "why", [390])
    lab.get_by_role("tab", name="Timeline").press("Enter")
    words = lab.locator('#view-timeline [data-timeline="words"]')
    expect(words).to_contain_text(re.compile(r"Step \d+"), timeout=ANSWER_MS)
    look(lab, "timeline", [390])
    lab.get_by_role("tab", name="Prefix cache").press("Enter")
    candidates = lab.locator("#cache-candidates tr")
    expect(candidates.first).to_contain_text(re.compile(r"\d"), timeout=ANSWER_MS)
    look(lab, "cache", [390])


def test_the_prefix_cache_shows_what_would_be_evicted_next(lab: Page) -> None:
    _ask(lab, "What does a block of the KV cache hold?")
    lab.get_by_role("tab", name="Prefix cache").press("Enter")
    expect(lab.locator("#cache-candidates tr").first).to_contain_text(
        re.compile(r"\d"), timeout=ANSWER_MS
    )


def test_the_timeline_follows_and_stands_while_it_is_read(lab: Page) -> None:
    _ask(lab, "Which step computes a prompt, and which a token?")
    lab.get_by_role("tab", name="Timeline").press("Enter")
    view = lab.locator("#view-timeline")
    note, words, box = (
        view.locator(f'[data-timeline="{name}"]') for name in ("note", "words", "box")
    )
    expect(note).to_contain_text("Following", timeout=ANSWER_MS)
    step = re.compile(r"Step \d+, [\d.]+\u202fs before the newest: \d+ token")
    expect(words).to_contain_text(step)
    box.focus()
    expect(note).to_contain_text("Standing still")
    newest = words.text_content() or ""
    lab.keyboard.press("Home")
    expect(words).not_to_have_text(newest)
    expect(words).to_contain_text(re.compile(r"[0-9a-f]{3} (prefill|decode) \d+"))
    first = words.text_content() or ""
    lab.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(first)
    lab.keyboard.press("+")
    lab.keyboard.press("ArrowLeft")
    expect(words).to_have_text(first)
    view.locator("summary").click()
    share = view.locator('[data-timeline="shares"] tr').first
    expect(share).to_contain_text(re.compile(r"[0-9a-f]{3}(prefill|decode)\d+"))
    row = view.locator('[data-timeline="table"] tr').last
    expect(row).to_contain_text(re.compile(r"[0-9a-f]{3}"))
    lab.get_by_role("button", name="Follow again").click()
    expect(note).to_contain_text("Following")


def test_blocks_are_shaded_by_their_hits_and_age(lab: Page) -> None:
    for _ in range(2):
        _ask(lab, "What is a block table, and who keeps it?")
    lab.locator("#lab-heat-switch").get_by_label("hits").check()
    legend = lab.locator("#lab-heat-legend")
    expect(legend.locator("li", has_text="no hit")).to_contain_text(
        re.compile(r"[1-9]"), timeout=ANSWER_MS
    )
    expect(lab.locator("#lab-heat-note")).to_contain_text(re.compile(r"as of step \d"))
    expect(lab.locator("#lab-legend")).to_be_hidden()
    lab.focus("#lab-pan")
    tag = lab.locator("#lab-tag")
    hit = re.compile(
        r"· [1-9]\d* hits?( since step [\d,]+)?, (not used|used [\d,]+ steps? ago)"
    )
    for _ in range(600):  # all blocks of the pool, one after the other
        lab.keyboard.press("ArrowRight")
        if hit.search(tag.text_content() or ""):
            break
    expect(tag).to_contain_text(hit)
    lab.locator("#lab-heat-switch").get_by_label("age").check()
    expect(legend.locator("li", has_text="under 50")).to_be_visible()
    lab.locator("#lab-heat-switch").get_by_label("state").check()
    expect(lab.locator("#lab-legend")).to_be_visible()
    expect(legend).to_be_hidden()


SCRUB = """
(share) => {
  const slider = document.getElementById("replay-slider");
  slider.value = String(share * slider.max);
  slider.dispatchEvent(new Event("input"));
}
"""


def test_a_recording_tells_why_at_the_moment_that_is_shown(page: Page) -> None:
    page.goto("/lab/replay/experiment-full-house/")
    page.wait_for_selector("#replay-play:not([disabled])")
    page.evaluate(SCRUB, 0.6)
    page.locator(".request-name", has_text="02d").click()
    expect(page.locator("#side-1-why-sentences")).to_contain_text(
        re.compile(r"It took \d+ of its \d+ tokens|vLLM takes them in turn")
    )
    page.get_by_text("Prefix cache at this step").click()
    expect(page.locator("#side-1-cache-candidates tr").first).to_be_visible()
    expect(page.locator("#side-1-cache-choices tr").first).to_be_visible()
    page.locator("#side-1-heat-switch").get_by_label("hits").check()
    note = page.locator("#side-1-heat-note")
    expect(note).to_contain_text(re.compile(r"as of step \d"))
    look(page, "recording", [390])
    before = note.text_content() or ""
    page.evaluate(SCRUB, 0.3)
    expect(note).not_to_have_text(before)
    expect(page.locator("#side-1-heat-legend li", has_text="no hit")).to_be_visible()

    page.goto("/lab/replay/smollm2-cpu-mixed/")
    page.wait_for_selector("#replay-play:not([disabled])")
    page.evaluate(SCRUB, 0.5)
    page.locator("#side-1-heat-switch").get_by_label("hits").check()
    expect(page.locator("#side-1-heat-note")).to_contain_text(
        "made before the engine told its reasons"
    )
    expect(page.locator("#side-1-heat-legend")).to_be_hidden()
