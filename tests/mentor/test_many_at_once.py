"""64 learners ask at once: a real stack with a real engine, through the front door."""

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chats import Chat, open_chats
from benchmarks.mentor import QUESTIONS
from benchmarks.scale import Scale
from benchmarks.stack import Running, running
from mentor.stream import utf16_length
from tests.lab.engine_host import model_dir

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

NUM_LEARNERS = 64
ENDED_WITHIN_S = 480.0
TAIL = 24
"""Characters of a stream that are looked for in the answer, whose beginning may have
been cut: a small model repeats the title it was given."""


@dataclass
class Heard:
    """What one learner's socket said to one question."""

    marker: str
    """Text that the question is about: nobody else's has it."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    course_s: float | None = None
    ended_s: float = 0.0

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.messages if one["type"] == kind]

    @property
    def turn(self) -> dict[str, Any]:
        """How it ended."""
        turn: dict[str, Any] = self.of("turn")[-1]["turn"]
        return turn

    def streamed(self) -> str:
        """The engine's words as a browser puts them together."""
        text = ""
        for event in self.of("event"):
            assert event["offset"] <= utf16_length(text), "a piece is missing"
            text = text[: event["offset"]] + event["text"]
        return text


@pytest.fixture(scope="module")
def stack() -> Iterator[Running]:
    scale = Scale("cpu", {"chats": NUM_LEARNERS})
    settings = {"ENGINE_REQUEST_DEADLINE_S": "240"}
    settings |= {"ENGINE_MAX_CONCURRENT_REQUESTS": "32"}
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ENGINE_MODEL", str(model_dir()))
        with running(scale, settings) as stack:
            yield stack


async def _ask(chat: Chat, number: int) -> Heard:
    heard = Heard(f"lamp {number * 7919 % 10_007} of learner {number}")
    began = time.perf_counter()
    question = QUESTIONS[number % len(QUESTIONS)]
    await chat.begin(question, heard.marker)
    while not heard.of("refused") and not heard.ended_s:
        message = await chat.hear()
        heard.messages.append(message)
        if message["type"] == "course":
            heard.course_s = time.perf_counter() - began
        if message["type"] == "turn" and message["turn"]["state"] != "open":
            heard.ended_s = time.perf_counter() - began
    return heard


async def _ask_all(url: str) -> list[Heard]:
    async with open_chats(url, NUM_LEARNERS) as chats:
        async with asyncio.timeout(ENDED_WITHIN_S):
            asking = [_ask(chat, number) for number, chat in enumerate(chats)]
            return await asyncio.gather(*asking)


def test_each_of_64_questions_ends_and_no_stream_mixes_with_another(
    stack: Running,
) -> None:
    everyone = asyncio.run(_ask_all(stack.url))

    for heard in everyone:
        _ends_with_an_answer_or_a_reason(heard)
        _is_about_its_own_question(heard)
    ids = [heard.turn["id"] for heard in everyone]
    log_ids = [heard.turn["log_id"] for heard in everyone]
    assert len(set(ids)) == len(set(log_ids)) == NUM_LEARNERS
    served = [heard for heard in everyone if heard.turn["measured"]]
    short_ids = [one for heard in served for one in _short_ids(heard)]
    assert len(served) > NUM_LEARNERS / 2, "most are answered by the engine"
    assert len(set(short_ids)) == len(short_ids)
    assert _stored(stack.data_dir) == {"answered": NUM_LEARNERS}
    _say(everyone)


def _ends_with_an_answer_or_a_reason(heard: Heard) -> None:
    assert heard.of("refused") == []
    assert len(heard.of("asked")) == len(heard.of("course")) == 1, "nothing is doubled"
    ends = [one for one in heard.of("turn") if one["turn"]["state"] != "open"]
    assert len(ends) == 1
    turn = heard.turn
    assert turn["state"] == "answered", turn["error"]
    assert turn["answer"] or turn["error"] or turn["course"]["kind"] != "answer"


def _is_about_its_own_question(heard: Heard) -> None:
    turn = heard.turn
    assert turn["selected"] == heard.marker
    others = {
        one["turn"] for one in heard.messages if one["type"] in ("course", "event")
    }
    assert others <= {turn["id"]}
    said = heard.streamed().strip()
    if said and not turn["error"]:
        assert said[-TAIL:] in turn["answer"], "what was streamed is what was kept"


def _short_ids(heard: Heard) -> set[int]:
    """One, or none where its events came later than its end."""
    known = {one["short_id"] for one in heard.of("event")} - {None}
    assert len(known) <= 1
    return known


def _stored(data_dir: Path) -> Counter[str]:
    with sqlite3.connect(data_dir / "servelab.sqlite3") as database:
        rows = database.execute("SELECT state FROM mentor_turn").fetchall()
    return Counter(state for (state,) in rows)


def _say(everyone: list[Heard]) -> None:
    """For whoever runs it with -s."""
    course = sorted(heard.course_s or 0.0 for heard in everyone)
    ended = sorted(heard.ended_s for heard in everyone)
    cached = [heard.turn["measured"] or {} for heard in everyone]
    figures = {
        "course_s_median": course[len(course) // 2],
        "course_s_last": course[-1],
        "ended_s_median": ended[len(ended) // 2],
        "ended_s_last": ended[-1],
        "num_served": sum(bool(one) for one in cached),
        "num_streamed": sum(bool(heard.streamed()) for heard in everyone),
        "num_with_cached_tokens": sum(
            bool(one.get("num_cached_tokens")) for one in cached
        ),
    }
    print(json.dumps(figures))
