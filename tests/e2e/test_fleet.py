"""The fleet simulator and the challenge in a real browser, beside the real engine."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.e2e

FLEET = "/lab/fleet/?rate_per_s=0.05"
CHALLENGE = "/lab/challenge/bursty-chat/"


def test_a_change_is_previewed_then_refined_and_kept_in_the_link(page: Page) -> None:
    page.goto(FLEET)
    expect(page.get_by_text("whole months")).to_be_visible(timeout=30_000)
    page.get_by_label("Idle timeout, s").fill("60")
    expect(page).to_have_url(re.compile("idle_timeout_s=60"))
    expect(page.locator("#fleet-answer")).to_contain_text("Break-even")


def test_fields_are_there_when_they_matter(page: Page) -> None:
    page.goto(FLEET)
    expect(page.get_by_label("Rate in a burst, × mean")).to_be_hidden()
    page.get_by_label("Arrivals").select_option("bursts")
    expect(page.get_by_label("Rate in a burst, × mean")).to_be_visible()
    page.locator("#mode").select_option("provisioned")
    expect(page.get_by_label("Idle timeout, s")).to_be_hidden()


def test_a_bad_value_is_told_without_a_new_page(page: Page) -> None:
    page.goto(FLEET)
    page.get_by_label("Mean rate, requests/s").fill("many")
    expect(page.get_by_role("alert")).to_contain_text("allowed are 1e-05 to 2,000")


def test_a_drawing_is_saved_as_png(page: Page) -> None:
    page.goto(FLEET)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as PNG").first.click()
    path = download.value.path()
    assert path.read_bytes()[:4] == b"\x89PNG"


def test_it_works_without_javascript_by_a_button(
    browser: Browser, base_url: str
) -> None:
    context = browser.new_context(base_url=base_url, java_script_enabled=False)
    page = context.new_page()
    page.goto(FLEET)
    page.get_by_label("Idle timeout, s").fill("60")
    page.get_by_role("button", name="Simulate").click()
    expect(page.get_by_role("heading", name="What the money buys")).to_be_visible()
    page.get_by_text("refine it to the whole month").click()
    expect(page.get_by_text("whole months")).to_be_visible()
    page.goto(CHALLENGE)
    page.get_by_label("Fleet", exact=True).select_option("provisioned")
    page.get_by_role("button", name="Hand in").click()
    expect(page.locator("#handed-in")).to_contain_text("of 100")
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", [FLEET, f"{FLEET}&compare=1", CHALLENGE])
def test_nothing_stands_in_anybodys_way(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_rates_are_measured_on_the_running_engine(page: Page) -> None:
    page.goto(FLEET)
    page.get_by_text("Rates from the running engine").click()
    page.get_by_role("button", name="Measure now").click()
    use = page.get_by_role("link", name="Plan with these rates")
    expect(use).to_be_visible(timeout=120_000)
    use.click()
    expect(page.locator("#fleet-answer")).to_contain_text("measured")
