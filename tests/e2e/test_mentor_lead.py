"""Whose words come first in the panel: the browser is told, on its socket, that the
engine's model was measured to be good enough, or that it was not."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

pytestmark = pytest.mark.e2e
CHAPTER = "/chapters/deploying-ai-models/"
SENTENCE = "A request takes a block when it needs one."
FACT = "PagedAttention cuts the KV cache into blocks."
LINK = '<a class="mentor-cite" href="#pagedattention">PagedAttention</a>'
TURN = {
    "id": 1,
    "conversation": "c1",
    "question": "What is PagedAttention?",
    "level": "standard",
    "selected": "",
    "state": "answered",
    "course": {
        "kind": "answer",
        "words": "",
        "sentences": [{"text": FACT}],
        "offers": [],
        "has_words": True,
        "html": f'<p class="mentor-fact">{FACT} {LINK}</p>',
    },
    "answer": SENTENCE,
    "html": f"<p>{SENTENCE}</p>",
    "checked_html": '<span class="mentor-sentence is-supported">'
    f"{SENTENCE} {LINK}</span>",
    "sentences": [],
    "num_sentences": 1,
    "num_supported": 1,
    "error": "",
    "passages": [],
    "num_turns_dropped": 0,
    "context_tokens": 2048,
    "log_id": "a",
    "verdict": "",
    "reason": "",
    "measured": None,
}


def shown(page: Page, leads: bool) -> Locator:
    """The turn, of a conversation that the server is made to have."""
    kept = {"id": "c1", "title": "What?", "created_at": "2026-11-26T00:00:00Z"}
    conversation: dict[str, Any] = {
        "type": "conversation",
        "conversation": kept,
        "conversations": [kept],
        "turns": [{**TURN, "leads": leads}],
    }

    def serve(socket: WebSocketRoute) -> None:
        def hear(message: str | bytes) -> None:
            if json.loads(message)["type"] == "open":
                socket.send(json.dumps(conversation))

        socket.on_message(hear)

    page.route_web_socket("**/ws/mentor/", serve)
    page.goto(CHAPTER)
    return page.locator("#mentor .mentor-turn")


def top(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["y"]


def test_the_course_comes_first_where_no_measurement_says_otherwise(page: Page) -> None:
    turn = shown(page, leads=False)
    course, words = turn.locator(".is-course"), turn.locator(".is-engine")
    expect(course).to_be_visible()
    assert top(course) < top(words)
    expect(turn.locator(".mentor-sources")).to_be_hidden()


def test_words_of_a_measured_engine_come_first_and_the_course_folds(page: Page) -> None:
    turn = shown(page, leads=True)
    words, sources = turn.locator(".is-engine"), turn.locator(".mentor-sources")
    expect(words.locator(".mentor-cite")).to_have_text("PagedAttention")
    expect(turn.locator(".is-course")).to_be_hidden()
    assert top(words) < top(sources)
    sources.locator("summary").click()
    expect(turn.locator(".is-course")).to_contain_text(FACT)
    report = Axe().run(page, context="#mentor")
    assert report.violations_count == 0, report.generate_report()
