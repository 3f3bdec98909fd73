"""A network that fails under a reader's hands: what they entered stays.

A stack without an engine: nothing here needs an answer of one.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.e2e

QUIZ = "/quiz/deploying-ai-models-all/"
SIGN_IN = """<!DOCTYPE html><html><head><title>Guests</title></head>
<body><h1>Welcome to our hotel</h1><form><button>Accept</button></form></body></html>"""
BARE = "<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>"
SAID = ".part-missing"
FORMS = [
    ("/lab/hardware/", "#users"),
    ("/lab/fleet/", "input[name=rate_per_s]"),
    ("/figures/cluster/", "#cluster-users"),
]


def offline(page: Page) -> None:
    page.context.set_offline(True)


def hotel(page: Page) -> None:
    """Whatever a script asks is answered by the network's own page, and gladly."""
    answer_for_it(page, 200, SIGN_IN)


def proxy(page: Page) -> None:
    answer_for_it(page, 502, BARE)


def answer_for_it(page: Page, status: int, body: str) -> None:
    def answer(route: Route) -> None:
        if route.request.headers.get("hx-request"):
            route.fulfill(status=status, content_type="text/html", body=body)
        else:
            route.continue_()

    page.route("**/*", answer)


FAULTS = [
    (offline, "cannot be reached"),
    (hotel, "between you and the server"),
    (proxy, "between you and the server"),
]


def begin_quiz(page: Page, site: str) -> None:
    """The first question, an option of it chosen, with how sure one is."""
    page.goto(site + QUIZ)
    page.get_by_role("button", name="Start with question 1").click()
    page.locator(".quiz-options input").first.check()
    page.locator(".quiz-certainty input").first.check()


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_an_answer_that_cannot_be_sent_stays_and_goes_out_later(
    page: Page, site: str, fault: Callable[[Page], None], words: str
) -> None:
    begin_quiz(page, site)
    fault(page)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(SAID)).to_contain_text(words)
    expect(page.locator(".quiz-options input").first).to_be_checked()
    page.context.set_offline(False)
    page.unroute_all()
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".quiz-feedback")).to_be_visible()
    expect(page.locator(SAID)).to_have_count(0)


@pytest.mark.parametrize(("path", "field"), FORMS)
@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_a_figure_that_cannot_be_had_leaves_the_page_as_it_is(
    page: Page,
    site: str,
    path: str,
    field: str,
    fault: Callable[[Page], None],
    words: str,
) -> None:
    page.goto(site + path)
    page.wait_for_load_state("networkidle")
    fault(page)
    page.locator(field).fill("7")
    expect(page.locator(SAID).first).to_contain_text(words)
    expect(page.locator("main")).not_to_contain_text("hotel")
    expect(page.locator("main")).not_to_contain_text("nginx")
    page.context.set_offline(False)
    page.unroute_all()
    page.locator(field).fill("9")
    expect(page.locator(f"form > {SAID}")).to_have_count(0)


def test_an_answer_of_a_session_that_ended_says_so_and_no_page_stands_in_the_page(
    page: Page, site: str
) -> None:
    begin_quiz(page, site)
    page.context.clear_cookies()
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(SAID)).to_contain_text("cookies must be on")
    expect(page.locator("header.site-header")).to_have_count(1)
    page.locator(".quiz-step").nth(1).click()
    expect(page.locator(SAID).first).to_contain_text("your session has ended")
    expect(page.locator("header.site-header")).to_have_count(1)


def test_an_answer_that_is_long_in_coming_is_said_to_be_waited_for(
    page: Page, site: str
) -> None:
    begin_quiz(page, site)
    held: list[Route] = []
    page.route("**/answer/", lambda route: held.append(route))
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(SAID)).to_contain_text("has not answered yet")
    held[0].continue_()
    expect(page.locator(".quiz-feedback")).to_be_visible()
    expect(page.locator(SAID)).to_have_count(0)


def test_a_hotels_page_is_no_recording(page: Page, site: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.route(
        "**/lab/recordings/smollm2-cpu-mixed/",
        lambda route: route.fulfill(content_type="text/html", body=SIGN_IN),
    )
    page.goto(site + "/lab/replay/smollm2-cpu-mixed/")
    expect(page.locator('[data-part="fault"]')).to_contain_text("between you and")
    assert faults == []
