"""The hardware calculator in a real browser, beside the real engine."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.e2e

PAGE = "/lab/hardware/"


def test_a_change_is_answered_and_kept_in_the_link(page: Page) -> None:
    page.goto(PAGE)
    page.get_by_label("Users at once").fill("30")
    expect(page.locator("#fit-heading")).to_contain_text("30 users fit")
    expect(page).to_have_url(re.compile("users=30"))
    page.get_by_label("Model", exact=True).select_option("qwen2.5-7b")
    expect(page.locator("#fit-heading")).to_contain_text("Qwen2.5 7B")
    expect(page.get_by_label("Users at once")).to_have_value("30")


def test_a_bad_value_is_told_without_a_new_page(page: Page) -> None:
    page.goto(PAGE)
    page.get_by_label("Users at once").fill("many")
    expect(page.get_by_role("alert")).to_contain_text("Users at once is a whole number")


def test_it_works_without_javascript_by_a_button(
    browser: Browser, base_url: str
) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(PAGE)
    page.get_by_label("Users at once").fill("30")
    page.get_by_role("button", name="Calculate", exact=True).click()
    expect(page.locator("#fit-heading")).to_contain_text("30 users fit")
    page.get_by_text("Another model: its config.json").click()
    page.get_by_label("Paste it").fill('{"hidden_size": "wide"}')
    page.get_by_role("button", name="Calculate this model").click()
    expect(page.get_by_role("alert")).to_contain_text("hidden_size is a whole number")
    context.close()


def test_my_engine_has_the_blocks_that_are_computed(page: Page) -> None:
    page.goto(PAGE)
    page.get_by_role("button", name="Check on my engine").click()
    expect(page.locator("#engine-answer")).to_contain_text("the same number")
