"""The mentor's panel in a real browser: what stays in view, titles, quiz answers."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
SIZES = [(1440, 900), (390, 844)]
LONG = " ".join(["The course says this about blocks at some length."] * 40)
TURN = {
    "id": 1,
    "conversation": "c0ffee00-0000-4000-8000-000000000001",
    "title": "Blocks",
    "question": "What are blocks for, and what happens when they run out?",
    "level": "deep",
    "selected": "",
    "state": "open",
    "course": None,
    "answer": "",
    "error": "",
    "passages": [],
    "num_turns_dropped": 0,
}
SAID = {
    "kind": "answer",
    "words": "",
    "offers": [],
    "sentences": [],
    "has_words": True,
    "html": f'<p class="mentor-fact">{LONG}</p>',
}
NOTHING = {
    "type": "conversation",
    "conversation": None,
    "conversations": [],
    "turns": [],
    "level": "deep",
}
LAST_WORD = """() => {
  const text = [...document.querySelectorAll(".mentor-answer")].at(-1).firstChild;
  const range = document.createRange();
  range.setStart(text, text.data.trimEnd().length - 4);
  range.setEnd(text, text.data.trimEnd().length);
  return range.getBoundingClientRect().toJSON();
}"""


def open_chapter(page: Page) -> None:
    page.goto(CHAPTER)
    expect(page.locator("#mentor-connection")).to_have_attribute(
        "data-state", "connected"
    )


def scripted(page: Page) -> Callable[[dict[str, Any]], None]:
    """A mentor that takes every question and says what the test wants."""
    sockets: list[WebSocketRoute] = []

    def say(message: dict[str, Any]) -> None:
        sockets[-1].send(json.dumps(message))

    def hear(text: str | bytes) -> None:
        heard = json.loads(text)
        if heard["type"] == "open":
            say(NOTHING)
        elif heard["type"] == "ask":
            say({"type": "asked", "ref": heard["ref"], "turn": TURN, "replaces": None})
            say({"type": "course", "turn": 1, **SAID})

    def meet(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(hear)

    page.route_web_socket("**/ws/mentor/", meet)
    return say


def painted(page: Page) -> None:
    """Until what was asked for is on the screen: two frames, however slow."""
    page.evaluate(
        "() => new Promise((done) =>"
        " requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def top_and_bottom(page: Page, selector: str) -> tuple[float, float]:
    found = page.locator(selector).last.bounding_box()
    assert found is not None, selector
    return found["y"], found["y"] + found["height"]


@pytest.mark.parametrize(("width", "height"), SIZES, ids=["desk", "phone"])
def test_question_newest_words_and_blocks_stay_in_view_beside_a_long_answer(
    page: Page, width: int, height: int
) -> None:
    say = scripted(page)
    page.set_viewport_size({"width": width, "height": height})
    open_chapter(page)
    if width < 760:
        page.click("#lab-handle-toggle")
    expect(page.locator("#lab-canvas")).to_be_visible()
    page.locator("#mentor-question").fill(str(TURN["question"]))
    page.locator("#mentor-question").press("Enter")
    course = page.locator(".mentor-course")
    expect(course).to_have_text(LONG)
    log_top, log_bottom = top_and_bottom(page, "#mentor-log")
    begin, _ = top_and_bottom(page, ".mentor-course")
    assert log_top <= begin < log_bottom, "it is read from its beginning"

    text = ""
    for number in range(1, 181):
        word = f"word{number} "
        event = {"turn": 1, "phase": "decode", "num_output_tokens": number}
        say({"type": "event", **event, "offset": len(text), "text": word})
        text += word
        if number not in (1, 60, 180):
            continue
        expect(page.locator(".mentor-answer")).to_have_text(text.strip())
        painted(page)
        log_top, log_bottom = top_and_bottom(page, "#mentor-log")
        asked_top, asked_bottom = top_and_bottom(page, ".mentor-asked")
        newest = page.evaluate(LAST_WORD)
        assert asked_bottom <= newest["top"] + 1
        assert newest["bottom"] <= log_bottom + 1
        assert log_top - 1 <= asked_top
        grid_top, grid_bottom = top_and_bottom(page, "#lab-canvas")
        assert 0 <= grid_top < grid_bottom <= log_top
        assert log_bottom < top_and_bottom(page, "#mentor-question")[1] <= height
        assert page.evaluate("() => scrollY") == 0, "nobody had to scroll"


def test_who_scrolls_up_is_left_there(page: Page) -> None:
    say = scripted(page)
    open_chapter(page)
    page.locator("#mentor-question").fill(str(TURN["question"]))
    page.locator("#mentor-question").press("Enter")
    say({"type": "event", "turn": 1, "phase": "decode", "offset": 0, "text": LONG})
    expect(page.locator(".mentor-answer")).to_have_text(LONG)
    log = page.locator("#mentor-log")
    log.evaluate("log => { log.scrollTop = 40; }")
    painted(page)
    say(
        {
            "type": "event",
            "turn": 1,
            "phase": "decode",
            "offset": len(LONG),
            "text": " More.",
        }
    )
    expect(page.locator(".mentor-answer")).to_have_text(f"{LONG} More.")
    assert log.evaluate("log => log.scrollTop") == 40


def test_a_title_given_by_keyboard_is_seen_in_the_other_tab(
    page: Page, context: BrowserContext
) -> None:
    open_chapter(page)
    page.locator("#mentor-question").fill("hello")
    page.locator("#mentor-question").press("Enter")
    expect(page.locator(".mentor-turn")).to_have_attribute("data-state", "answered")
    other = context.new_page()
    open_chapter(other)
    page.locator("#mentor-rename").press("Enter")
    page.keyboard.type("Greetings")
    page.keyboard.press("Enter")
    for tab in (page, other):
        chosen = tab.locator("#mentor-conversations option:checked")
        expect(chosen).to_have_text("Greetings")
    expect(page.locator("#mentor-rename")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("not this")
    page.keyboard.press("Escape")
    expect(page.locator("#mentor-rename-form")).to_be_hidden()
    expect(page.locator("#mentor-rename")).to_be_focused()
    with page.expect_download() as download:
        page.locator("#mentor-export").click()
    assert "# Greetings" in download.value.path().read_text()


def test_the_mentor_explains_a_quiz_answer_from_the_question_on(page: Page) -> None:
    open_chapter(page)
    page.locator(".quiz").first.scroll_into_view_if_needed()
    quiz = page.locator(
        ".quiz", has=page.get_by_role("button", name="Start with")
    ).first
    quiz.get_by_role("button", name="Start with").click()
    form = page.locator(".quiz-form").first
    form.locator("input[type=radio][name=choice]").first.check()
    if form.locator("input[name=certainty]").count():
        form.locator("input[name=certainty]").first.check()
    form.get_by_role("button", name="Answer").click()
    page.get_by_role("link", name="Ask the mentor why").click()
    told = page.locator(".mentor-turn").last.locator(".mentor-course")
    expect(told).to_have_text(re.compile(r"The question was: .*That was "))
    assert page.url.split("#")[0].endswith(CHAPTER), "asked on the same page"
