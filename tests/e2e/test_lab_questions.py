"""A learner clicks a block and asks: the answer is measured on the real engine."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e


def test_a_block_that_is_clicked_is_asked_about_and_the_answer_is_measured(
    lab: Page,
) -> None:
    lab.fill("#mentor-question", "What is PagedAttention?")
    lab.press("#mentor-question", "Enter")
    lab.wait_for_function(
        "() => Number(document.querySelector('#lab-legend [data-state=\"used\"] b')"
        ".textContent) > 0"
    )
    turn = lab.locator(".mentor-turn").last
    expect(turn).to_have_attribute("data-state", "answered", timeout=120_000)
    lab.locator("#lab-pan").scroll_into_view_if_needed()
    lab.locator("#lab-canvas").click(position={"x": 30, "y": 8})
    offer = lab.locator("#lab-ask-block")
    expect(offer).to_have_text(re.compile(r"Ask about block \d+"))
    block = offer.inner_text().removeprefix("Ask about ")
    offer.click()
    measured = lab.locator(".mentor-turn").last
    expect(measured).to_have_attribute("data-state", "answered")
    expect(measured.locator(".is-measured")).to_contain_text(block.capitalize())
    expect(measured.locator(".mentor-measured-mark")).to_contain_text(
        re.compile(r"Measured at step [\d,]+ on host \S+, ")
    )
    expect(measured.locator(".mentor-quiet")).to_contain_text("no request was made")
    expect(measured.locator(".is-engine")).to_be_hidden()


def test_by_keyboard_enter_asks_about_the_block_under_the_cursor(lab: Page) -> None:
    lab.focus("#lab-pan")
    lab.keyboard.press("ArrowRight")
    lab.keyboard.press("ArrowRight")
    block = lab.locator("#lab-ask-block").inner_text().removeprefix("Ask about ")
    lab.keyboard.press("Enter")
    measured = lab.locator(".mentor-turn").last.locator(".is-measured")
    expect(measured).to_contain_text(block.capitalize())


def test_what_is_waiting_and_how_full_the_cache_is_are_measured(lab: Page) -> None:
    lab.fill("#mentor-question", "How full is the cache right now?")
    lab.press("#mentor-question", "Enter")
    measured = lab.locator(".mentor-turn").last.locator(".is-measured")
    expect(measured).to_contain_text(re.compile(r"blocks? of \d+ (is|are) in use"))
