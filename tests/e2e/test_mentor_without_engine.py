"""The mentor's panel where no engine is needed: the real server, a real browser."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.test_mentor_panel import CHAPTER

pytestmark = pytest.mark.e2e

SECTION = "serverless-or-provisioned"
"""Far down in the contents, with questions of its own."""


class Line:
    """The way to the mentor, which can be cut."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket("**/ws/mentor/", self._meet)

    def _meet(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close(code=1012)
            return
        self._sockets.append(socket)
        socket.connect_to_server()

    def cut(self) -> None:
        self.is_cut = True
        self._sockets[-1].close(code=1012)


def open_chapter(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(site + CHAPTER)
    connection = page.locator("#mentor-connection")
    expect(connection).to_have_attribute("data-state", "connected")


def ask(page: Page, question: str) -> None:
    page.locator("#mentor-question").fill(question)
    page.locator("#mentor-question").press("Enter")
    last = page.locator(".mentor-turn").last
    expect(last.locator(".mentor-asked")).to_have_text(question)
    expect(last).to_have_attribute("data-state", "answered")


def test_a_reason_stays_in_its_box_while_there_is_no_connection(page: Page, site: str):
    line = Line(page)
    open_chapter(page, site)
    ask(page, "hello")
    wrong = page.get_by_role("button", name="Wrong")
    wrong.click()
    expect(wrong).to_have_attribute("aria-pressed", "true")
    line.cut()
    reason = page.get_by_label("What is wrong or missing?")
    reason.fill("It says nothing of blocks.")
    send = page.locator(".mentor-reason").get_by_role("button", name="Send")
    send.click()
    expect(page.locator("#mentor-refusal")).to_contain_text("no connection")
    expect(reason).to_have_value("It says nothing of blocks.")
    line.is_cut = False
    connection = page.locator("#mentor-connection")
    expect(connection).to_have_attribute("data-state", "connected", timeout=20_000)
    send.click()
    expect(reason).to_be_hidden()
    expect(page.locator("#mentor-refusal")).to_be_empty()


def test_an_edited_question_does_not_follow_into_another_conversation(
    page: Page, site: str
):
    open_chapter(page, site)
    ask(page, "hello")
    page.get_by_role("button", name="New conversation").click()
    ask(page, "thanks")
    page.get_by_role("button", name="Edit the question").click()
    expect(page.locator("#mentor-editing")).to_be_visible()
    page.locator("#mentor-conversations").select_option(label="hello")
    expect(page.locator(".mentor-asked")).to_have_text("hello")
    expect(page.locator("#mentor-editing")).to_be_hidden()
    ask(page, "good morning")
    expect(page.locator(".mentor-asked")).to_have_text(["hello", "good morning"])


def test_asked_again_a_question_takes_its_own_place_at_its_own_level(
    page: Page, site: str
):
    sent: list[dict[str, Any]] = []

    def hear(text: str | bytes) -> None:
        message = json.loads(text)
        if message["type"] == "ask":
            sent.append(message)

    page.on("websocket", lambda socket: socket.on("framesent", hear))
    open_chapter(page, site)
    ask(page, "hello")
    page.get_by_role("radio", name="deep").check()
    page.get_by_role("button", name="Ask again").click()
    while len(sent) < 2:
        page.wait_for_timeout(50)
    expect(page.locator(".mentor-asked")).to_have_text(["hello"])
    first, again = sent
    assert (again["question"], again["level"]) == ("hello", "standard")
    assert first["replaces"] is None and isinstance(again["replaces"], int)
    page.reload()
    expect(page.locator(".mentor-asked")).to_have_text(["hello"])


def test_a_new_conversation_begins_with_questions_of_the_section_in_view(
    page: Page, site: str
):
    open_chapter(page, site)
    ask(page, "hello")
    page.evaluate("id => document.getElementById(id).scrollIntoView()", SECTION)
    current = page.locator(".contents a[aria-current]")
    expect(current).to_have_attribute("href", f"#{SECTION}")
    page.get_by_role("button", name="New conversation").click()
    address = f"{site}/mentor/suggestions/?section={SECTION}"
    wanted = page.request.get(address).json()["questions"]
    assert wanted
    expect(page.locator(".mentor-example:visible")).to_have_text(wanted)
