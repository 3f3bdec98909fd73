"""Taking quizzes in a real browser: each kind, by keyboard, on a phone, measured."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.test_reading import COLOURS, barriers

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
QUIZ = "/quiz/deploying-ai-models/"
EVERY_KIND = "/quiz/deploying-ai-models-all/"
SUMS = "/quiz/deploying-ai-models-arithmetic/"
MEASURED = "/quiz/deploying-ai-models-measured/"
PHONE = {"width": 390, "height": 844}
MEASURED_MS = 90_000


@pytest.fixture
def quiz(page: Page) -> Iterator[Page]:
    """A page on which no script error is let pass."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(message.text) if message.type == "error" else None
        ),
    )
    yield page
    assert errors == []


def begin(page: Page, path: str) -> Locator:
    page.goto(path)
    page.get_by_role("button", name="Start with question 1").click()
    form = page.locator(".quiz-form")
    expect(form).to_be_visible()
    return form


def fill_in(page: Page) -> str:
    """Answers the question that is shown, somehow; returns its kind."""
    form = page.locator(".quiz-form")
    kind = "text"
    if form.locator("[name=choice]").count():
        choice = form.locator("[name=choice]").first
        kind = "many" if choice.get_attribute("type") == "checkbox" else "one"
        choice.check()
    elif form.locator("[name^=place-]").count():
        kind = "ordering"
        for place, select in enumerate(form.locator("[name^=place-]").all(), 1):
            select.select_option(str(place))
    elif form.locator("[name^=match-]").count():
        kind = "matching"
        for select in form.locator("[name^=match-]").all():
            select.select_option(index=1)
    elif form.locator("[name^=ask-]").count():
        kind = "measured"
        for box in form.locator("[name^=ask-]").all():
            box.fill("12")
    elif form.locator("[name=value]").count():
        kind = "numeric"
        form.locator("[name=value]").fill("42")
    else:
        form.locator("[name=text]").fill("preemption")
    if form.locator("[name=certainty]").count():
        form.locator("[name=certainty]").first.check()
    return kind


def take(page: Page, path: str) -> list[str]:
    """The whole quiz to its summary; the kinds it asked."""
    begin(page, path)
    kinds = []
    while True:
        kinds.append(fill_in(page))
        page.locator(".quiz-form").get_by_role("button").first.click()
        expect(page.locator(".quiz-feedback")).to_be_visible(timeout=MEASURED_MS)
        onward = page.get_by_role("link", name="Next question")
        if not onward.count():
            break
        onward.click()
        expect(page.locator(".quiz-form")).to_be_visible()
    page.get_by_role("button", name="Finish and sum up").click()
    expect(page.locator(".quiz-summary")).to_be_visible()
    return kinds


def test_the_chapters_quiz_is_taken_where_it_stands(quiz: Page) -> None:
    quiz.goto(CHAPTER)
    place = quiz.locator("#quiz-deploying-ai-models")
    place.scroll_into_view_if_needed()
    place.get_by_role("button", name="Start with question 1 of 3").click()
    expect(place.get_by_role("heading")).to_have_text("Question 1 of 3")
    expect(place.locator(".quiz-text")).to_contain_text("main innovation")
    place.get_by_label(re.compile("blocks of fixed size")).check()
    place.get_by_label(re.compile("Certain")).check()
    place.get_by_role("button", name="Answer").click()
    expect(place.locator(".quiz-verdict")).to_contain_text("Right.")
    expect(place.locator(".quiz-marks")).to_have_text("3 of 3 marks")
    expect(place.get_by_role("heading")).to_be_focused()
    assert quiz.url.endswith(CHAPTER)
    quiz.reload()
    expect(place.get_by_role("heading")).to_have_text("Question 2 of 3")


def test_each_kind_is_answered_and_explained(quiz: Page) -> None:
    kinds = take(quiz, EVERY_KIND)
    assert {"one", "many", "text", "ordering", "matching"} <= set(kinds)
    assert set(take(quiz, SUMS)) == {"numeric"}


def test_a_hint_keeps_what_was_chosen(quiz: Page) -> None:
    form = begin(quiz, QUIZ)
    form.locator("[name=choice]").nth(2).check()
    form.get_by_role("button", name="Show a hint").click()
    expect(form.locator(".quiz-hint")).to_have_count(1)
    expect(form.locator("[name=choice]").nth(2)).to_be_checked()


def test_what_cannot_be_read_is_said_at_the_box(quiz: Page) -> None:
    form = begin(quiz, SUMS)
    form.locator("[name=value]").fill("about seven")
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_contain_text("one number")
    expect(form.locator("[name=value]")).to_have_value("about seven")
    expect(form.locator("[name=value]")).to_be_focused()


def test_another_variant_comes_with_other_numbers(quiz: Page) -> None:
    begin(quiz, SUMS)
    before = quiz.locator(".quiz-text").inner_text()
    fill_in(quiz)
    quiz.get_by_role("button", name="Answer").click()
    for _ in range(4):
        quiz.get_by_role("button", name="Try another variant").click()
        expect(quiz.locator(".quiz-form")).to_be_visible()
        if quiz.locator(".quiz-text").inner_text() != before:
            return
        fill_in(quiz)
        quiz.get_by_role("button", name="Answer").click()
    raise AssertionError("Four variants had the same numbers.")


def test_the_whole_quiz_by_keyboard(quiz: Page) -> None:
    quiz.goto(QUIZ)
    quiz.get_by_role("button", name="Start with question 1").focus()
    quiz.keyboard.press("Enter")
    for position in (1, 2, 3):
        heading = quiz.get_by_role("heading", name=f"Question {position} of 3")
        expect(heading).to_be_focused()
        quiz.keyboard.press("Tab")
        quiz.keyboard.press("Space")
        quiz.keyboard.press("Tab")
        quiz.keyboard.press("Space")
        quiz.keyboard.press("Enter")
        expect(quiz.locator(".quiz-feedback")).to_be_visible()
        expect(heading).to_be_focused()
        onward = quiz.locator(".quiz-question .button")
        for _ in range(6):
            if onward.evaluate("e => e === document.activeElement"):
                break
            quiz.keyboard.press("Tab")
        quiz.keyboard.press("Enter")
    summary = quiz.get_by_role("heading", name=re.compile("^Attempt 1"))
    expect(summary).to_be_focused()


def test_the_whole_quiz_on_a_phone(quiz: Page) -> None:
    quiz.set_viewport_size(PHONE)
    for path in (QUIZ, EVERY_KIND):
        take(quiz, path)
        spill = quiz.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert spill <= 0


def test_a_prediction_is_measured_and_shown_beside_the_truth(quiz: Page) -> None:
    form = begin(quiz, MEASURED)
    form.locator("[name=ask-blocks]").fill("11")
    form.get_by_role("button", name="Predict and run it").click()
    row = quiz.locator(".quiz-measured tbody tr")
    expect(row).to_contain_text("11", timeout=MEASURED_MS)
    expect(row.locator("td").last).to_contain_text(re.compile(r"\d+"))
    truth = int(re.search(r"\d+", row.locator("td").last.inner_text())[0])
    expect(quiz.locator(".quiz-blocks li")).to_have_count(truth)
    expect(quiz.locator(".quiz-source")).to_contain_text("SmolLM2", ignore_case=True)


def test_the_quiz_works_without_javascript(browser: Browser, base_url: str) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(CHAPTER)
    page.get_by_role("link", name="Begin the quiz").click()
    page.get_by_role("button", name="Start with question 1").click()
    for _ in range(3):
        page.get_by_role("button", name="Show a hint").click()
        fill_in(page)
        page.get_by_role("button", name="Answer").click()
        expect(page.locator(".quiz-feedback")).to_be_visible()
        page.locator(".quiz-question .button").click()
    expect(page.locator(".quiz-summary")).to_be_visible()
    context.close()


def test_axe_finds_no_barrier_in_any_state(quiz: Page) -> None:
    def check(state: str) -> None:
        """On a desk and a phone; in the dark the colours alone are others."""
        for size in ({"width": 1440, "height": 900}, PHONE):
            quiz.set_viewport_size(size)
            quiz.emulate_media(color_scheme="light")
            assert barriers(quiz) == [], state
            quiz.emulate_media(color_scheme="dark")
            assert barriers(quiz, COLOURS) == [], f"{state}, dark"

    for path in (EVERY_KIND, SUMS):
        quiz.goto(path)
        check("start")
        begin(quiz, path)
        while True:
            kind = fill_in(quiz)
            check(kind)
            quiz.locator(".quiz-form").get_by_role("button").first.click()
            expect(quiz.locator(".quiz-feedback")).to_be_visible()
            check(f"{kind}, answered")
            onward = quiz.get_by_role("link", name="Next question")
            if not onward.count():
                break
            onward.click()
            expect(quiz.locator(".quiz-form")).to_be_visible()
        quiz.get_by_role("button", name="Finish and sum up").click()
        expect(quiz.locator(".quiz-summary")).to_be_visible()
        check("summary")
    quiz.goto("/quiz/")
    check("progress")
