"""Asking the mentor in a real browser: the answer comes from the running engine."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
ANSWER_MS = 120_000
QUESTION = "What is PagedAttention?"
LONG_QUESTION = "Why are cold starts slow, and what can be done about each phase?"
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
    course = answered.locator(".is-course")
    expect(course.locator(".mentor-fact")).to_have_text(re.compile(r"\w{3,}"))
    expect(course.get_by_role("link").first).to_be_visible()
    expect(answered.locator(".mentor-check")).to_have_text(re.compile("^checked: "))
    made_up = answered.locator(".is-made-up")
    assert made_up.count() == made_up.locator("s").count(), "each is struck"
    assert made_up.count() == made_up.get_by_text("the model made this up").count()
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
    expect(mentor.get_by_role("button", name="Wrong")).to_be_focused()
    box(mentor).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(mentor.get_by_role("radio", name="deep")).to_be_checked()
    page.reload()
    expect(mentor.get_by_role("radio", name="deep")).to_be_checked()


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


SIZES = [(1440, 900), (390, 844)]


@pytest.mark.parametrize(("width", "height"), SIZES, ids=["desk", "phone"])
def test_question_answer_and_own_blocks_are_on_one_screen(
    mentor: Locator, page: Page, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_selector('#lab-state[data-state="ready"]', state="attached")
    if width < 760:
        page.click("#lab-handle-toggle")
    ask(mentor, LONG_QUESTION)
    last = turn(mentor, "open")
    expect(last.locator(".mentor-answer")).to_have_text(
        re.compile(r"\w{3,}"), timeout=ANSWER_MS
    )
    assert page.evaluate("window.yours.at(-1)?.state") == "add", "its blocks are lit"
    parts = [".mentor-asked", ".mentor-answer"]
    boxes = [last.locator(part).bounding_box() for part in parts]
    boxes.append(page.locator("#lab-canvas").bounding_box())
    boxes.append(box(mentor).bounding_box())
    for found in boxes:
        assert found is not None
        assert found["y"] >= 0 and found["x"] >= 0
    asked, _, canvas, field = (found["y"] for found in boxes if found)
    assert canvas < asked < field < height
    handle = page.locator("#lab-handle").bounding_box()
    if handle:
        assert canvas >= handle["y"] + handle["height"] - 1, "the first row is seen"
    log = page.locator("#mentor-log").bounding_box()
    answer = boxes[1]
    assert log and answer and answer["y"] < log["y"] + log["height"], (
        "not below the log"
    )


def test_what_is_selected_can_be_explained(mentor: Locator, page: Page) -> None:
    paragraph = page.locator(".chapter section[aria-labelledby] p").first
    paragraph.scroll_into_view_if_needed()
    paragraph.click(click_count=3)
    page.locator(".chapter").get_by_role("button", name="Explain this").click()
    asked = mentor.locator(".mentor-turn").last
    expect(asked.locator(".mentor-asked")).to_have_text("Explain this")
    expect(asked.locator(".mentor-about-text")).to_have_text(re.compile("^About: “"))
    turn(mentor, "answered")


def test_what_is_not_in_the_course_lights_no_block(mentor: Locator, page: Page) -> None:
    ask(mentor, "Who won the football World Cup in 2010?")
    declined = turn(mentor, "answered")
    expect(declined.locator(".mentor-quiet")).to_contain_text("no block lights up")
    expect(declined.locator(".is-engine")).to_be_hidden()
    assert page.evaluate("window.yours") == []


def test_an_answer_is_marked_with_a_reason(mentor: Locator, page: Page) -> None:
    ask(mentor, "Who won the football World Cup in 2010?")
    declined = turn(mentor, "answered")
    declined.get_by_role("button", name="Wrong").click()
    declined.get_by_label("What is wrong or missing?").fill("It is in part 2.")
    declined.get_by_role("button", name="Send").click()
    pressed = declined.get_by_role("button", name="Wrong")
    expect(pressed).to_have_attribute("aria-pressed", "true")
    expect(declined.locator(".mentor-reason")).to_be_hidden()


def test_a_question_is_edited_in_its_place(mentor: Locator) -> None:
    ask(mentor, "Who won the football World Cup in 2010?")
    turn(mentor, "answered")
    mentor.get_by_role("button", name="Edit the question").click()
    box(mentor).fill("Who played the football World Cup in 2014?")
    box(mentor).press("Enter")
    expect(mentor.locator(".mentor-asked")).to_have_text(
        ["Who played the football World Cup in 2014?"]
    )


def test_enter_that_ends_a_word_of_an_input_method_asks_nothing(
    mentor: Locator, page: Page
) -> None:
    box(mentor).fill("日本語")
    box(mentor).dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    page.wait_for_timeout(300)
    expect(mentor.locator(".mentor-turn")).to_have_count(0)
    expect(box(mentor)).to_have_value("日本語")


def test_a_double_click_asks_once_and_arabic_runs_from_the_right(
    mentor: Locator, page: Page
) -> None:
    box(mentor).fill("ما هي الذاكرة؟")
    mentor.get_by_role("button", name="Ask", exact=True).dblclick()
    asked = mentor.locator(".mentor-asked")
    expect(asked).to_have_count(1)
    turn(mentor, "answered")
    expect(asked).to_have_count(1)
    assert asked.evaluate("one => getComputedStyle(one).direction") == "rtl"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panel_has_no_barriers(mentor: Locator, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    ask(mentor, QUESTION)
    turn(mentor, "answered")
    violations = Axe().run(page, context="#mentor").response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in violations] == []
