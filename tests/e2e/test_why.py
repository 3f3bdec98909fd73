"""A learner is told why: which token their prompt differs at, and what a block says."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

ANSWER_MS = 120_000


def _ask(lab: Page, question: str) -> None:
    lab.fill("#mentor-question", question)
    lab.press("#mentor-question", "Enter")
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
    lab.fill("#mentor-question", "Why are cold starts slow, phase by phase?")
    lab.press("#mentor-question", "Enter")
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


def test_the_prefix_cache_shows_what_would_be_evicted_next(lab: Page) -> None:
    _ask(lab, "What does a block of the KV cache hold?")
    lab.get_by_role("tab", name="Prefix cache").click()
    expect(lab.locator("#cache-candidates tr").first).to_contain_text(
        re.compile(r"\d"), timeout=ANSWER_MS
    )
