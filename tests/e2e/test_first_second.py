"""A question of the page's first second, and one that nobody takes, in a browser."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.test_mentor_panel import CHAPTER, NOTHING, SAID, TURN

pytestmark = pytest.mark.e2e


class LateMentor:
    """Refuses the first connections, and lets the first questions fall."""

    def __init__(self, page: Page, num_refused: int = 0, num_dropped: int = 0) -> None:
        self.num_refused, self.num_dropped = num_refused, num_dropped
        self.asked: list[dict[str, Any]] = []
        page.route_web_socket("**/ws/mentor/", self._meet)

    def _meet(self, socket: WebSocketRoute) -> None:
        if self.num_refused:
            self.num_refused -= 1
            socket.close(code=1012)
            return
        socket.on_message(lambda text: self._hear(socket, json.loads(text)))

    def _hear(self, socket: WebSocketRoute, heard: dict[str, Any]) -> None:
        if heard["type"] == "open":
            socket.send(json.dumps(NOTHING))
        if heard["type"] != "ask":
            return
        self.asked.append(heard)
        if len(self.asked) <= self.num_dropped:
            return
        turn = {**TURN, "question": heard["question"]}
        asked = {"type": "asked", "ref": heard["ref"], "turn": turn, "replaces": None}
        socket.send(json.dumps(asked))
        socket.send(json.dumps({"type": "course", "turn": 1, **SAID}))


def ask(page: Page, question: str) -> None:
    page.locator("#mentor-question").fill(question)
    page.locator("#mentor-question").press("Enter")


def test_what_is_asked_before_the_connection_stands_goes_out_by_itself(
    page: Page, site: str
):
    mentor = LateMentor(page, num_refused=1_000)
    page.goto(site + CHAPTER)
    ask(page, "What is a block?")
    expect(page.locator("#mentor-connection")).to_contain_text("goes out by itself")
    mentor.num_refused = 0
    expect(page.locator(".mentor-asked")).to_have_text("What is a block?")
    expect(page.locator("#mentor-question")).to_have_value("")
    expect(page.locator("#mentor-connection")).to_have_text("")
    assert [one["question"] for one in mentor.asked] == ["What is a block?"]


def test_what_nobody_takes_is_said_and_sent_again_under_its_id(page: Page, site: str):
    mentor = LateMentor(page, num_dropped=1_000)
    page.goto(site + CHAPTER)
    ask(page, "What is a block?")
    expect(page.locator("#mentor-connection")).to_contain_text(
        "The server has not taken your question yet"
    )
    mentor.num_dropped = 0
    expect(page.locator(".mentor-asked")).to_have_text("What is a block?")
    keys = [one["key"] for one in mentor.asked]
    assert len(keys) > 1 and len(set(keys)) == 1 and len(keys[0]) == 32


def test_a_reload_before_it_was_taken_loses_nothing(page: Page, site: str):
    mentor = LateMentor(page, num_dropped=1)
    page.goto(site + CHAPTER)
    ask(page, "What is a block?")
    while not mentor.asked:
        page.wait_for_timeout(50)
    page.reload()
    expect(page.locator(".mentor-asked")).to_have_text("What is a block?")
    first, second = mentor.asked
    assert first["key"] == second["key"]


def test_what_is_far_too_long_is_refused_at_once_and_not_sent_over_and_over(
    page: Page, site: str
):
    mentor = LateMentor(page, num_dropped=1_000)
    page.goto(site + CHAPTER)
    ask(page, "x" * 20_000)
    refusal = page.locator("#mentor-refusal")
    expect(refusal).to_contain_text("at most 2,000 are allowed")
    assert len(page.locator("#mentor-question").input_value()) == 20_000
    ask(page, "What is a block?")
    expect(refusal).to_be_empty()
    while not mentor.asked:
        page.wait_for_timeout(50)
    assert mentor.asked[0]["question"] == "What is a block?"


def test_enter_pressed_twice_asks_once_and_says_nothing_of_an_empty_box(
    page: Page, site: str
):
    mentor = LateMentor(page)
    page.goto(site + CHAPTER)
    box = page.locator("#mentor-question")
    ask(page, "What is a block?")
    expect(box).to_have_value("")
    box.press("Enter")
    page.wait_for_timeout(300)
    assert len(mentor.asked) == 1
    expect(page.locator("#mentor-refusal")).to_be_empty()


def test_after_the_data_is_deleted_no_question_is_promised_to_go_out(
    page: Page, site: str
):
    page.goto(site + CHAPTER)
    connection = page.locator("#mentor-connection")
    expect(connection).to_have_attribute("data-state", "connected")
    other = page.context.new_page()
    other.goto(site + "/privacy/")
    other.get_by_role("button", name="Delete my data").click()
    expect(connection).to_contain_text("Your session has ended")
    ask(page, "Still there?")
    expect(page.locator("#mentor-refusal")).to_contain_text("reload the page")
    expect(connection).to_contain_text("Your session has ended")
    expect(page.locator("#mentor-question")).to_have_value("Still there?")
