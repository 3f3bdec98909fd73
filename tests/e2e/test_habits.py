"""Habits of readers: input methods, writing from the right, spaced text, few colours.

A stack without an engine: nothing here needs an answer of one.
"""

import base64

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.test_first_second import LateMentor
from tests.e2e.test_mentor_panel import CHAPTER
from tests.e2e.test_reading import SET_SPACES, SPACED, SPILL

pytestmark = pytest.mark.e2e

QUIZ = "/quiz/deploying-ai-models-all/"
"""A question of every kind."""
SAFARI_IME = 229
PAGES = {
    "chapter": CHAPTER,
    "lab": "/lab/",
    "recordings": "/lab/recordings/",
    "recording": "/lab/replay/smollm2-cpu-mixed/",
    "fleet": "/lab/fleet/",
    "challenge": "/lab/challenge/",
    "scenario": "/lab/challenge/bursty-chat/",
    "quiz": QUIZ,
    "progress": "/quiz/",
    "conversations": "/mentor/",
}
SPILLING = """() => [...document.querySelectorAll("body *")]
  .filter((e) => e.getBoundingClientRect().right > 321)
  .slice(0, 5).map((e) => e.outerHTML.slice(0, 120))"""


A_BUSY_TABLE = """() => {
  const row = '<tr><th><button class="request-name">r12345</button>' +
    '<span class="request-label">yours</span></th>' +
    '<td class="is-number">123,456</td>'.repeat(4) + '</tr>';
  document.getElementById("lab-requests").innerHTML += row;
  document.querySelector(".lab-when").textContent = "12:34.5 of 59:59.9\u202fs";
}"""


def press_enter(page: Page, key_code: int, text: str = "\r") -> None:
    """Enter as a browser gets it from the system: a key code, and a line's end."""
    keys = page.context.new_cdp_session(page)
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": key_code}
    keys.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": text, **key})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})


def compose(page: Page, words: str) -> None:
    """Words of an input method, not yet taken over."""
    keys = page.context.new_cdp_session(page)
    at = len(words)
    keys.send(
        "Input.imeSetComposition",
        {"text": words, "selectionStart": at, "selectionEnd": at},
    )


def quiz_questions(page: Page, site: str) -> list[str]:
    """Addresses of all questions of an attempt."""
    page.goto(site + QUIZ)
    page.get_by_role("button", name="Start with question 1").click()
    expect(page.locator(".quiz-form")).to_be_visible()
    steps = page.locator(".quiz-step").all()
    return [site + str(step.get_attribute("href")) for step in steps]


def open_question(page: Page, site: str, field: str) -> None:
    """The first one of the quiz that has ``field``."""
    for address in quiz_questions(page, site):
        page.goto(address)
        if page.locator(field).count():
            return
    raise AssertionError(f"no question of the quiz has {field}")


def test_enter_of_an_input_method_asks_the_mentor_nothing(page: Page, site: str):
    mentor = LateMentor(page)
    page.goto(site + CHAPTER)
    box = page.locator("#mentor-question")
    box.focus()
    compose(page, "ブロック")
    press_enter(page, SAFARI_IME, "")  # while composing: isComposing
    box.fill("ブロックとは")
    press_enter(page, SAFARI_IME, "")  # Safari: after it, told by the key code alone
    expect(box).to_have_value("ブロックとは")
    assert mentor.asked == []
    press_enter(page, 13)
    expect(box).to_have_value("")
    assert [one["question"] for one in mentor.asked] == ["ブロックとは"]


def test_enter_of_an_input_method_answers_no_question_of_a_quiz(page: Page, site: str):
    open_question(page, site, ".quiz-words")
    box = page.locator(".quiz-words")
    box.fill("كتلة")
    assert box.evaluate("e => getComputedStyle(e).direction") == "rtl"
    posts: list[str] = []
    page.on("request", lambda one: one.method == "POST" and posts.append(one.url))
    press_enter(page, SAFARI_IME)
    page.wait_for_timeout(500)
    assert posts == []
    press_enter(page, 13)
    expect(page.locator(".quiz-sentence, .quiz-feedback").first).not_to_be_empty()
    assert len(posts) == 1


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/lab/challenge/", "input[name=name]"),
        ("/lab/fleet/", "input[name=rate_per_s]"),
        ("/lab/hardware/", "input[name=users]"),
        ("/search/", "#search-words"),
    ],
)
def test_enter_of_an_input_method_sends_no_form(
    page: Page, site: str, path: str, field: str
):
    page.goto(site + path)
    page.evaluate(
        """() => document.addEventListener("submit", (event) => {
          event.preventDefault();
          window.sent = (window.sent ?? 0) + 1;
        }, true)"""
    )
    page.locator(field).first.focus()
    press_enter(page, SAFARI_IME)
    assert page.evaluate("window.sent ?? 0") == 0
    press_enter(page, 13)
    page.wait_for_function("() => window.sent === 1")


def press_escape(page: Page, key_code: int) -> None:
    keys = page.context.new_cdp_session(page)
    key = {"key": "Escape", "code": "Escape", "windowsVirtualKeyCode": key_code}
    keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})


def test_escape_of_an_input_method_closes_nothing(page: Page, site: str):
    LateMentor(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(site + CHAPTER)
    toggle = page.locator("#lab-handle-toggle")
    toggle.click()
    page.locator("#mentor-question").focus()
    press_escape(page, SAFARI_IME)
    expect(toggle).to_have_attribute("aria-expanded", "true")
    press_escape(page, 27)
    expect(toggle).to_have_attribute("aria-expanded", "false")


def test_words_written_from_the_right_begin_there(page: Page, site: str):
    LateMentor(page)
    page.goto(site + CHAPTER)
    box = page.locator("#mentor-question")
    box.fill("ما هي الكتلة؟")
    direction = "e => getComputedStyle(e).direction"
    assert box.evaluate(direction) == "rtl"
    box.press("Enter")
    asked = page.locator(".mentor-asked").first
    assert asked.evaluate(direction) == "rtl"
    for path, field in [
        ("/search/", "#search-words"),
        ("/lab/challenge/", "input[name=name]"),
    ]:
        page.goto(site + path)
        page.locator(field).first.fill("كتلة")
        assert page.locator(field).first.evaluate(direction) == "rtl", path


@pytest.mark.parametrize("name", PAGES)
def test_no_page_scrolls_sideways_on_a_phone_nor_with_spaced_text(
    page: Page, site: str, name: str
):
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(site + PAGES[name])
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SPILL) <= 0, page.evaluate(SPILLING)
    page.evaluate(SET_SPACES, SPACED)
    if name == "lab":
        page.evaluate(A_BUSY_TABLE)
    assert page.evaluate(SPILL) <= 0, page.evaluate(SPILLING)


def test_no_question_of_the_quiz_scrolls_sideways(page: Page, site: str):
    page.set_viewport_size({"width": 320, "height": 800})
    for address in quiz_questions(page, site):
        page.goto(address)
        assert page.evaluate(SPILL) <= 0, page.evaluate(SPILLING)
        page.evaluate(SET_SPACES, SPACED)
        assert page.evaluate(SPILL) <= 0, page.evaluate(SPILLING)


def test_the_mentors_panel_does_not_scroll_sideways(page: Page, site: str):
    page.set_viewport_size({"width": 320, "height": 800})
    LateMentor(page)
    page.goto(site + CHAPTER)
    page.evaluate(SET_SPACES, SPACED)
    box = page.locator("#mentor-question")
    page.click("#lab-handle-toggle")
    box.fill("What does continuousbatchingwithchunkedprefillandprefixcachingdo? " * 3)
    box.press("Enter")
    expect(page.locator(".mentor-asked")).to_be_visible()
    assert page.evaluate(SPILL) <= 0, page.evaluate(SPILLING)
    panel = page.locator("#mentor")
    assert panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 0


@pytest.mark.parametrize("path", ["/lab/", PAGES["recording"]])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_figure_is_torn_from_its_word(page: Page, site: str, path: str, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site + path)
    for figure in page.locator(".strip-one:visible b").all():
        figure.evaluate("e => { e.textContent = '256'; }")
    words = page.locator(".strip-one:visible").all()
    assert len(words) == 2
    for word in words:
        assert word.evaluate("e => e.getClientRects().length") == 1
        assert word.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth")


@pytest.mark.parametrize("path", ["/lab/", PAGES["recording"]])
def test_forced_colours_leave_legend_and_slider_to_see(
    page: Page, site: str, path: str
):
    page.emulate_media(forced_colors="active")
    page.goto(site + path)
    page.wait_for_load_state("networkidle")
    swatches = page.locator(".block-legend .swatch").all()
    seen = [one.screenshot() for one in swatches]
    assert len(set(seen)) == len(seen) >= 4, "as many pictures as states"
    slider = page.locator(".lab-slider")
    assert num_colours(page, slider.screenshot()) > 1
    chosen = page.locator(".block-legend button").first
    before = chosen.screenshot()
    chosen.click()
    page.mouse.move(0, 0)
    page.evaluate("() => document.activeElement.blur()")
    assert chosen.get_attribute("aria-pressed") == "true"
    assert chosen.screenshot() != before


def num_colours(page: Page, png: bytes) -> int:
    """How many a picture has."""
    data = base64.b64encode(png).decode()
    found: int = page.evaluate(
        """async (data) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes]));
          const canvas = new OffscreenCanvas(image.width, image.height);
          const pen = canvas.getContext("2d");
          pen.drawImage(image, 0, 0);
          const all = pen.getImageData(0, 0, image.width, image.height).data;
          return new Set(new Uint32Array(all.buffer)).size;
        }""",
        data,
    )
    return found


@pytest.mark.parametrize("path", [CHAPTER, "/lab/", PAGES["recording"]])
def test_without_scripts_no_control_pretends_to_work(
    browser: Browser, site: str, path: str
):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + path)
    seen = page.locator(
        ".lab-state, #lab-handle-state, .lab-slider, .block-legend, .heat-switch,"
        " .lab-strips, .lab-icon, .replay-bar"
    )
    assert [one for one in seen.all() if one.is_visible()] == []
    expect(page.locator("noscript p").first).to_be_visible()
    context.close()


def test_on_a_low_window_a_recordings_bar_leaves_room_for_the_recording(
    page: Page, site: str
):
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto(site + PAGES["recording"])
    page.evaluate("() => scrollTo(0, 600)")
    expect(page.locator(".replay-bar")).not_to_be_in_viewport()


def test_in_the_dark_a_printed_button_can_be_read(page: Page, site: str):
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(site + "/lab/hardware/")
    colours = page.locator(".button").first.evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
