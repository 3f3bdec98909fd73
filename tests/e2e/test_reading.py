"""Reading in a real browser: claims and terms on demand, themes, and no barriers."""

import os
import re
from collections.abc import Sequence
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.e2e

CHAPTER = "/chapters/deploying-ai-models/"
PAGES = [
    "/",
    CHAPTER,
    "/glossary/",
    "/search/?q=block",
    "/lab/hardware/",
    "/lab/hardware/?model=llama-3.1-70b&gpu=l40s&tp=1&users=64",
    "/lab/hardware/?users=many",
    "/design/",
    "/privacy/",
    "/licences/",
    "/account/sign-up/",
    "/account/sign-in/",
    "/account/reset/",
    "/no-such-page",
]
WIDTHS = [320, 390, 820, 1440]
SPACED = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }"""
"""What a reader may set: WCAG 1.4.12."""
SET_SPACES = """(rules) => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  for (const details of document.querySelectorAll("details")) details.open = true;
}"""
SPILL = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


ALL = {"resultTypes": ["violations"]}
COLOURS = {**ALL, "runOnly": ["color-contrast"]}
"""All that another theme can change."""


def barriers(page: Page, options: dict[str, Any] = ALL) -> list[Any]:
    """What axe finds, by rule, with the parts of the page."""
    found = Axe().run(page, options=options).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]


def look(page: Page, name: str, widths: Sequence[int] = (390, 1440)) -> None:
    """No barrier in either theme, and nothing wider than the window; a picture of each
    where SHOTS names a directory."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 1000})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            where = f"{name}, {width} px, {theme}"
            assert barriers(page, ALL if theme == "light" else COLOURS) == [], where
            if shots := os.environ.get("SHOTS"):
                path = f"{shots}/{name}-{width}-{theme}.png"
                page.screenshot(path=path, full_page=True)
        assert page.evaluate(SPILL) <= 0, where
    page.emulate_media(color_scheme="light")


def test_a_claim_mark_opens_its_source_by_keyboard(page: Page) -> None:
    page.goto(CHAPTER)
    mark = page.locator(".claim-mark").first
    note = page.locator(".claim-note")
    expect(mark).to_have_attribute("aria-expanded", "false")
    mark.focus()
    page.keyboard.press("Enter")
    expect(note).to_be_visible()
    expect(note).to_contain_text("131,072 bytes")
    expect(mark).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.claim-note') !== null")
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    expect(mark).to_have_attribute("aria-expanded", "false")


def test_a_press_on_its_mark_shuts_a_note_and_another_mark_opens_its_own(
    page: Page,
) -> None:
    page.goto(CHAPTER)
    note = page.locator(".claim-note")
    first, second = (
        page.locator(".claim-mark").nth(0),
        page.locator(".claim-mark").nth(1),
    )
    first.click()
    expect(note).to_contain_text("Source 1")
    first.click()
    expect(note).to_be_hidden()
    first.click()
    second.click()
    expect(note).to_contain_text("Source 2")
    expect(first).to_have_attribute("aria-expanded", "false")
    note.get_by_role("link", name="Source 2").click()
    expect(note).to_be_hidden()
    assert page.evaluate("document.querySelector('.sources li:target') !== null")


def test_without_scripts_a_claim_mark_leads_to_its_source(
    browser: Browser, base_url: str
) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(CHAPTER)
    mark = page.locator(".claim-mark").first
    mark.click()
    expect(page.locator(".sources li:target")).to_be_in_viewport()
    expect(page.locator(".sources li:target")).to_contain_text("131,072 bytes")
    context.close()


def test_a_term_shows_its_definition(page: Page) -> None:
    page.goto(CHAPTER)
    page.get_by_role("button", name="block table").click()
    expect(page.locator(".term-note:popover-open")).to_contain_text("logical blocks")


def test_the_theme_is_chosen_at_once_and_remembered(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(CHAPTER)
    page.evaluate(
        "document.addEventListener('servelab:theme', e => (window.told = e.detail))"
    )
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark colours").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    assert page.evaluate("window.told") == {"theme": "dark"}
    page.goto("/privacy/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_contents_mark_the_section_being_read(page: Page) -> None:
    page.set_viewport_size({"width": 1600, "height": 900})
    page.goto(f"{CHAPTER}#cold-starts")
    current = page.locator(".contents a[aria-current]")
    expect(current).to_have_text(re.compile("Cold starts"))


def test_a_question_in_the_text_goes_into_the_mentors_field(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(CHAPTER)
    page.get_by_role("link", name="Why does a bigger batch make a GPU cheaper?").click()
    expect(page.locator("#mentor-question")).to_have_value(
        "Why does a bigger batch make a GPU cheaper?"
    )
    expect(page.locator("#mentor-question")).to_be_focused()


def test_a_reader_deletes_their_data_in_one_click(page: Page) -> None:
    page.goto("/privacy/")
    before = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    page.get_by_role("button", name="Delete my data").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data is deleted")
    after = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert "sessionid" in before and after.get("sessionid") != before["sessionid"]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_its_window(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.goto(path)
        assert page.evaluate(SPILL) <= 0, path


def test_no_page_is_wider_than_a_phone_when_its_text_is_spaced(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    for path in PAGES:
        page.goto(path)
        page.evaluate(SET_SPACES, SPACED)
        assert page.evaluate(SPILL) <= 0, path


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_axe_finds_no_barrier(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(path)
        assert barriers(page) == [], path
        page.emulate_media(color_scheme="dark")
        assert barriers(page, COLOURS) == [], f"{path}, dark"


def test_the_chapter_is_whole_without_javascript(
    browser: Browser, base_url: str
) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(CHAPTER)
    expect(page.locator("article.chapter h2")).to_have_count(11)
    expect(page.locator("figure.figure")).to_have_count(12)
    expect(page.locator("#lab noscript p")).to_be_visible()
    context.close()
