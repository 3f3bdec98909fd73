"""A reader arranges cards, with scripts and without."""

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.e2e


def test_a_choice_changes_the_answer_in_place(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}figures/cluster/")
    expect(page.locator("#cluster-answer")).to_contain_text("2 replicas of 2 cards")
    page.fill("#cluster-users", "1000")
    expect(page.locator("#cluster-answer")).to_contain_text("4 replicas of 4 cards")
    page.fill("#cluster-users", "none")
    expect(page.locator("#cluster-answer")).to_contain_text("not 'none'")
    page.select_option("#cluster-model", "qwen2.5-0.5b")
    page.fill("#cluster-users", "8")
    expect(page.locator("#cluster-answer")).to_contain_text("One H100 SXM is enough")


def test_without_scripts_the_form_leads_to_the_answer(
    browser: Browser, base_url: str
) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{base_url}figures/cluster/")
    page.fill("#cluster-users", "1000")
    page.click("text=Arrange the cards")
    expect(page.locator("#cluster-answer")).to_contain_text("4 replicas of 4 cards")
    page.close()


def test_a_card_too_small_leads_on_with_the_choice(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}chapters/deploying-ai-models/")
    page.locator("#card-list").scroll_into_view_if_needed()
    page.locator("#card-list select").select_option("llama-70b-16")
    expect(page.locator("#card-list-answer")).to_contain_text("Llama 3.1 70B, 16 bit")
    page.locator('#card-list-answer a[aria-label="How many L4 hold it?"]').click()
    expect(page.locator("#cluster-gpu")).to_have_value("l4")
    expect(page.locator("#cluster-answer")).to_contain_text("Llama 3.1 70B")
