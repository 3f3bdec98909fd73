"""The course in a real browser: figures, terms, progress, and a chapter by keyboard."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
PASSWORD = "a-long-sentence"


def test_a_term_opens_on_hover_and_focus_and_closes_when_left(page: Page) -> None:
    page.goto(CHAPTER)
    term = page.get_by_role("button", name="block table")
    note = page.locator(f"#{term.get_attribute('popovertarget')}")
    term.hover()
    expect(note).to_be_visible()
    page.mouse.move(5, 5)
    expect(note).to_be_hidden()
    term.focus()
    expect(note).to_be_visible()
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()


def test_a_term_opens_at_a_tap(browser: Browser, base_url: str) -> None:
    context = browser.new_context(
        base_url=base_url, has_touch=True, viewport={"width": 390, "height": 800}
    )
    page = context.new_page()
    page.goto(CHAPTER)
    term = page.locator(".term").first
    term.tap()
    expect(page.locator(".term-note:popover-open")).to_contain_text("keys and values")
    context.close()


def test_a_claims_button_leads_to_its_demonstration(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(CHAPTER)
    page.locator(".experiment-box [data-experiment='overflow']").click()
    expect(page.locator("#lab-demos")).to_be_in_viewport()
    assert page.evaluate("document.activeElement.closest('#lab-demos') !== null")


def test_on_a_phone_a_claims_button_opens_the_sheet(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(CHAPTER)
    page.locator(".experiment-box [data-experiment='twice']").click()
    handle = page.locator("#lab-handle-toggle")
    expect(handle).to_have_attribute("aria-expanded", "true")


def test_the_stepper_steps_through_the_recorded_run(page: Page) -> None:
    page.goto(CHAPTER)
    figure = page.locator("#figure-paged-or-contiguous")
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_role("button", name="Next")).to_be_visible()
    before = figure.locator("[data-part=paged] path").first.get_attribute("d")
    figure.get_by_role("button", name="Next").click()
    expect(figure.locator("[data-words=step]")).to_have_text("step 374 of 913")
    assert figure.locator("[data-part=paged] path").first.get_attribute("d") != before
    figure.get_by_role("combobox").select_option("oracle")
    expect(figure.locator("[data-words=contiguous]")).to_contain_text("8 running")
    slider = figure.get_by_role("slider")
    slider.press("End")
    expect(figure.locator("[data-words=paged]")).to_contain_text("0 waiting")


def test_what_stands_far_below_is_loaded_when_the_reader_comes_near(
    page: Page,
) -> None:
    """And nothing moves when it comes."""
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(CHAPTER)
    figure = page.locator("#figure-break-even")
    height = "document.getElementById('figure-break-even').offsetHeight"
    before = page.evaluate(height)
    assert not [url for url in loaded if re.search("htmx|break_even|/quiz/", url)]
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_role("slider")).to_be_visible()
    assert page.evaluate(height) == before
    page.locator("#quiz").scroll_into_view_if_needed()
    expect(page.locator("#quiz form")).to_be_visible()


def test_the_slider_says_what_is_cheapest(page: Page) -> None:
    page.goto(CHAPTER)
    figure = page.locator("#figure-break-even")
    figure.scroll_into_view_if_needed()
    slider = figure.get_by_role("slider")
    slider.press("End")
    expect(figure.locator("[data-words=serverless]")).to_have_text("$4.18")
    expect(figure.locator("[data-words=cheapest]")).to_have_text("community pod")
    slider.press("Home")
    expect(figure.locator("[data-words=cheapest]")).to_have_text("serverless")


def test_the_checklist_keeps_the_cards_that_hold_the_model(page: Page) -> None:
    page.goto(CHAPTER)
    figure = page.locator("#figure-cards")
    figure.get_by_label("Model").select_option("llama-70b-4")
    figure.get_by_label("Users at once").fill("24")
    figure.get_by_label("only cards that hold it").check()
    expect(figure.get_by_role("status")).to_have_text(
        "5 of 8 cards hold Llama 3.1 70B, 4 bit for 24 users with 4,096 tokens each."
    )
    expect(figure.locator("tbody tr")).to_have_count(5)
    expect(figure.locator("tbody tr").first).to_contain_text("fits, up to 24–26")


def test_the_engines_own_start_is_drawn_from_what_it_told(page: Page) -> None:
    # The engine of the running stack tells its own start too: keep it from this page.
    page.route_web_socket(re.compile("/ws/"), lambda _socket: None)
    page.goto(CHAPTER)
    page.evaluate(
        """document.dispatchEvent(new CustomEvent("servelab:engine", {detail: {
             model: "a model", device: "CPU engine", phases: [
               {name: "import", started_s: 0, seconds: 4},
               {name: "weights", started_s: 4, seconds: 1.5}]}}))"""
    )
    own = page.locator("[data-figure=own-start]")
    expect(own).to_contain_text("5.5\u202fs in all, a model on CPU engine")
    expect(own.locator(".bar-value")).to_have_text(["4.0 s", "1.5 s"])


def test_what_was_on_screen_is_remembered_and_kept_at_sign_up(page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    page.goto(f"{CHAPTER}#next")
    page.locator("#next").scroll_into_view_if_needed()
    link = page.locator(".contents a[href='#next']")
    expect(link).to_have_attribute("data-read", "")
    page.goto("/account/sign-up/")
    page.get_by_label("E-mail address").fill("reader@example.org")
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("row", name=re.compile("Deploying"))).to_contain_text(
        re.compile("[1-9] of 9")
    )


def test_printed_a_chapter_is_text_alone(page: Page) -> None:
    page.goto(CHAPTER)
    page.emulate_media(media="print", color_scheme="dark")
    for selector in ("#instrument", ".site-header", ".contents", ".controls"):
        expect(page.locator(selector).first).to_be_hidden()
    expect(page.locator("#figure-cards table")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_the_whole_chapter_can_be_done_without_a_mouse(page: Page) -> None:
    """Tab reaches everything that can be used, and each kind works by keys."""
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(CHAPTER)
    page.locator("#figure-paged-or-contiguous").scroll_into_view_if_needed()
    expect(
        page.locator("[data-figure=paged-or-contiguous] [data-controls]")
    ).to_be_visible()
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    reached = _tab_through(page)
    missed = page.evaluate(MISSED, reached)
    assert missed == []
    _works_by_keys(page)


USABLE = """[...document.querySelectorAll(
    "main a[href], main button, main input, main select, main textarea, main summary")]
  .filter((e) => e.checkVisibility({checkVisibilityCSS: true}) && !e.disabled
    && e.tabIndex >= 0 && !e.closest("[popover]")
    && (e.type !== "radio" || e.checked))"""
"""Of a group of radio buttons Tab reaches the chosen one, arrows the others."""
MARK = f"(() => {{ {USABLE}.forEach((e, i) => (e.dataset.place = i)); }})()"
MISSED = f"""(reached) => {USABLE}
  .filter((e) => !reached.includes(e.dataset.place))
  .map((e) => e.outerHTML.slice(0, 90))"""


def _tab_through(page: Page) -> list[str]:
    """Places of what took the focus, from the top of the text to the footer."""
    page.evaluate(MARK)
    reached: list[str] = []
    for _ in range(600):
        page.keyboard.press("Tab")
        place, is_past = page.evaluate(
            """[document.activeElement.dataset.place ?? "",
                document.activeElement.closest(".site-footer") !== null]"""
        )
        if is_past:
            return reached
        reached.append(place)
    raise AssertionError("The keyboard never left the chapter.")


def _works_by_keys(page: Page) -> None:
    claim = page.locator(".claim-mark").first
    _press(claim, "Enter")
    expect(page.locator(".claim-note:popover-open")).to_be_visible()
    page.keyboard.press("Escape")
    summary = page.locator("#figure-kv-waste summary")
    _press(summary, "Enter")
    expect(page.locator("#figure-kv-waste details table")).to_be_visible()
    _press(page.locator(".run [data-step='1']"), "Enter")
    expect(page.locator("[data-words=step]")).to_contain_text("of 913")
    page.locator("#figure-break-even").scroll_into_view_if_needed()
    expect(page.locator("#figure-break-even [data-controls]")).to_be_visible()
    _press(page.locator("#figure-break-even [data-slider]"), "ArrowRight")
    expect(page.locator("[data-words=minutes]")).to_contain_text("31 min")
    _press(page.get_by_label("only cards that hold it"), "Space")
    expect(page.get_by_label("only cards that hold it")).to_be_checked()
    _press(page.get_by_role("button", name="Mark the chapter as read"), "Enter")
    expect(page.locator(".chapter-read [data-progress]")).to_have_text("9 of 9 read")


def _press(locator: Locator, key: str) -> None:
    locator.focus()
    locator.press(key)
