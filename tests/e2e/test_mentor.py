"""Asking the mentor in a real browser: the answer comes from the running engine."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
ANSWER_MS = 60_000
QUESTION = "What is PagedAttention?"
LONG_QUESTION = "Explain PagedAttention step by step, with every consequence."
NOTE_YOURS = """
  window.yours = [];
  document.addEventListener("servelab:yours", ({ detail }) => yours.push(detail));
"""


@pytest.fixture
def mentor(page: Page) -> Iterator[Locator]:
    """The panel of a learner who comes for the first time."""
    page.set_viewport_size({"width": 1440, "height": 1000})
    page.add_init_script(NOTE_YOURS)
    page.goto(CHAPTER)
    panel = page.locator("#mentor")
    expect(panel.locator("#mentor-connection")).to_have_attribute(
        "data-state", "connected"
    )
    yield panel


def box(mentor: Locator) -> Locator:
    return mentor.get_by_label("Your question")


def ask(mentor: Locator, question: str) -> None:
    box(mentor).fill(question)
    box(mentor).press("Enter")


def turn(mentor: Locator, state: str) -> Locator:
    """The last turn, once it is in ``state``."""
    last = mentor.locator(".mentor-turn").last
    expect(last).to_have_attribute("data-state", state, timeout=ANSWER_MS)
    return last


def test_an_answer_comes_with_what_it_cost(mentor: Locator, page: Page) -> None:
    mentor.get_by_role("button", name=QUESTION).click()
    answered = turn(mentor, "answered")
    expect(answered.locator(".mentor-answer")).to_have_text(re.compile(r"\w{3,}"))
    figures = answered.locator(".mentor-figures")
    for words in (r"TTFT\s*[\d.]+\s*m?s", r"tokens/s", r"\d+ of \d+ prompt tokens"):
        expect(figures).to_have_text(re.compile(words))
    expect(answered.locator(".mentor-source")).to_have_text(re.compile("^measured · "))
    expect(answered.get_by_role("link", name="PagedAttention")).to_be_visible()
    states = [detail["state"] for detail in page.evaluate("window.yours")]
    assert "add" in states and states[-1] == "remove"


def test_stop_ends_the_answer_and_says_what_was_given_back(mentor: Locator) -> None:
    ask(mentor, LONG_QUESTION)
    mentor.get_by_role("button", name="Stop and free its blocks").click()
    stopped = turn(mentor, "stopped")
    expect(stopped.locator(".mentor-state")).to_have_text(re.compile("^Stopped after"))
    expect(mentor.get_by_role("button", name="Stop")).to_be_hidden()
    expect(box(mentor)).to_be_focused()


def test_a_reload_shows_the_conversation_and_goes_on(mentor: Locator, page: Page):
    ask(mentor, LONG_QUESTION)
    expect(mentor.locator(".mentor-turn")).to_have_count(1)
    page.reload()
    answered = turn(mentor, "answered")
    expect(answered.locator(".mentor-asked")).to_have_text(LONG_QUESTION)
    expect(answered.locator(".mentor-answer")).not_to_be_empty()


def test_what_is_refused_stays_in_the_box(mentor: Locator) -> None:
    ask(mentor, " ")
    expect(mentor.get_by_role("alert")).to_contain_text("There is no question yet")
    ask(mentor, "a" * 2_001)
    expect(mentor.get_by_role("alert")).to_contain_text("at most 2,000 are allowed")
    expect(box(mentor)).to_have_value("a" * 2_001)


def test_everything_is_reached_by_keyboard(mentor: Locator, page: Page) -> None:
    box(mentor).focus()
    page.keyboard.type("What is")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("a block?")
    expect(box(mentor)).to_have_value("What is\na block?")
    page.keyboard.press("Enter")
    turn(mentor, "answered")
    expect(box(mentor)).to_have_value("")
    page.keyboard.press("Shift+Tab")
    expect(mentor.get_by_role("button", name="Copy the answer")).to_be_focused()


def test_a_conversation_is_left_found_again_and_deleted(
    mentor: Locator, page: Page
) -> None:
    ask(mentor, QUESTION)
    turn(mentor, "answered")
    mentor.get_by_role("button", name="New conversation").click()
    expect(mentor.locator(".mentor-turn")).to_have_count(0)
    mentor.get_by_label("Conversation", exact=True).select_option(label=QUESTION)
    expect(mentor.locator(".mentor-turn")).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    mentor.get_by_role("button", name="Delete").click()
    expect(mentor.locator(".mentor-turn")).to_have_count(0)
    page.goto("/mentor/")
    expect(page.locator("main")).to_contain_text("not asked anything yet")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_has_no_barriers(mentor: Locator, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    ask(mentor, QUESTION)
    turn(mentor, "answered")
    violations = Axe().run(page, context="#mentor").response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in violations] == []
