"""A class at once: every question's end and its wait, the viewers, who uses what.

All sit behind one address. So many of the learners ask at once, ``rounds`` times, while
a crowd watches and some start a demonstration. Options: learners=100, asking=64,
rounds=2, viewers=1000, demos=5, engine=replay.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import websockets

from benchmarks.asking_again import AWAY, Asker, Question
from benchmarks.interval import percentile
from benchmarks.parts import PARTS, Usage
from benchmarks.replayed import stack_of
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import Running
from benchmarks.viewing import session_cookies
from benchmarks.watching import Crowds, crowds

NAME = "class"
END_WITHIN_S = 600.0
"""Of a round: what has not ended by then has no end."""
DEMO = "eight"
SETTLE_S = 3.0


@dataclass
class Lesson:
    """What a class met."""

    questions: list[Question]
    demos: list[str]
    """How each demonstration ended: "ended", or the sentence it was refused with."""
    watched: dict[str, Any]
    used: tuple[Usage, Usage]
    """Before it and after."""


async def demonstration(url: str, cookies: str) -> str:
    """Press "Eight at once", and wait for the end of all eight."""
    async with websockets.connect(
        url.replace("http", "ws", 1) + "/ws/lab/",
        additional_headers={"Cookie": cookies},
        origin=websockets.Origin(url),
        open_timeout=60,
    ) as socket:
        await socket.send(json.dumps({"type": "demo", "name": DEMO}))
        async for text in socket:
            if isinstance(text, bytes):
                continue
            message = json.loads(text)
            if message["type"] == "demo.end":
                return "ended"
            if message["type"] == "error":
                return str(message["sentence"])
    return "the socket ended"


async def _rounds(
    stack: Running, scale: Scale, cookies: Sequence[str]
) -> tuple[list[Question], list[str]]:
    askers = [
        Asker(stack.url, index, one)
        for index, one in enumerate(cookies[: scale["asking"]])
    ]
    pressing = [
        asyncio.create_task(demonstration(stack.url, one))
        for one in cookies[max(0, len(cookies) - scale["demos"]) :]
    ]
    for _ in range(scale["rounds"]):
        asking = [asyncio.create_task(asker.ask_one()) for asker in askers]
        await _wait_for(asking)
    await _wait_for(pressing)
    ends = [_end_of(task) for task in pressing]
    return [one for asker in askers for one in asker.asked], ends


async def _wait_for(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Until END_WITHIN_S; what has not ended then is given up."""
    _, open_ones = await asyncio.wait(tasks, timeout=END_WITHIN_S)
    for task in open_ones:
        task.cancel()


def _end_of(task: "asyncio.Task[str]") -> str:
    try:
        return task.result()
    except asyncio.CancelledError:
        return "without an end"
    except AWAY as error:
        return str(error)


def _teach(stack: Running, scale: Scale, watching: Crowds) -> Lesson:
    cookies = [session_cookies(stack.url) for _ in range(scale["learners"])]
    before = Usage.now(stack.process_id)
    watching.report()
    questions, demos = asyncio.run(_rounds(stack, scale, cookies))
    watched = watching.report()
    return Lesson(questions, demos, watched, (before, Usage.now(stack.process_id)))


def results(lesson: Lesson) -> list[dict[str, Any]]:
    """What bench prints."""
    questions, watched = lesson.questions, lesson.watched
    ends = Counter(one.state or "open" for one in questions)
    refusals = [why for one in questions for why in one.refusals]
    rows = [
        _row("questions", len(questions), "questions"),
        _row("without_an_end", ends["open"], "questions"),
        _row("answered", ends["answered"], "questions"),
        _row("failed_with_a_reason", ends["failed"], "questions"),
        _row("refused", len(refusals), "times", _words(refusals)),
        _row("demos_ended", lesson.demos.count("ended"), "", _words(lesson.demos)),
    ]
    for name, times in (
        ("taken_s_p95", [one.taken_s for one in questions]),
        ("words_s_p95", [one.words_s for one in questions]),
        ("ended_s_p95", [one.ended_s for one in questions]),
    ):
        known = [seconds for seconds in times if seconds is not None]
        if known:
            rows.append(_row(name, percentile(known, 95), "s"))
    rows.append(_row("frames_per_s", watched["frames_per_s"], "1/s"))
    if watched["lag_ms_p99"] is not None:
        rows.append(_row("lag_ms_p99", watched["lag_ms_p99"], "ms"))
    rows.append(_row("viewers_lost", watched["lost"], "viewers"))
    before, after = lesson.used
    percents = after.cpu_pct_since(before)
    for part in [*PARTS, *sorted(percents.keys() - PARTS.keys())]:
        if part in percents:
            rows.append(_row(f"cpu {part}", percents[part], "% of a core"))
            rows.append(_row(f"memory {part}", after.memory_mb[part], "MB"))
    return rows


def _row(name: str, value: float, unit: str, words: str = "") -> dict[str, Any]:
    row = {"name": name, "value": float(value), "unit": unit}
    return row | {"conditions": words} if words else row


def _words(sentences: Sequence[str]) -> str:
    """Each other than "ended", and how often."""
    told = Counter(one for one in sentences if one != "ended")
    return "; ".join(f"{number} × {one}" for one, number in told.most_common(3))


def run(options: dict[str, str]) -> list[dict[str, Any]]:
    """The results."""
    scale = scale_of(NAME, options)
    with stack_of(scale, options) as stack:
        socket = stack.url.replace("http", "ws", 1) + "/ws/lab/"
        with crowds(
            [socket], session_cookies(stack.url), viewers=scale["viewers"]
        ) as watching:
            return results(_teach(stack, scale, watching))
