"""Kills and freezes in random order under askers: what is lost, doubled, left open.

The parts of a whole stack of its own are killed, or stopped for FREEZE_S, while
learners ask one question after the other as the page does. A blow is over when /readyz
names all parts well again, heard of after the blow. A question is late that stays open
for more than LATE_S in which no blow is under way, all such time taken together.
Options: kills=12, askers=4, seed=1, engine=replay.
"""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.asking_again import Asker, Question
from benchmarks.interval import percentile
from benchmarks.parts import PARTS, parts_of
from benchmarks.replayed import stack_of
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import Running

FREEZE_S = 12.0
SHARE_OF_FREEZES = 0.25
RECOVERY_TIMEOUT_S = 240.0
CONVERSATIONS_KEPT = 50
"""mentor.models keeps as many of a learner."""
LATE_S = 30.0
END_WITHIN_S = 120.0
"""What has not ended so long after the last recovery has no end."""
DATABASE = "servelab.sqlite3"


@dataclass
class Blow:
    """One kill or freeze, and how long it took until all was well."""

    part: str
    is_freeze: bool
    recovery_s: float
    began: float = 0.0
    """On the monotonic clock, as ``ended``."""
    ended: float = 0.0


class Striker:
    """Strikes a part of a running stack, and waits until all is well."""

    def __init__(self, stack: Running, seed: int) -> None:
        self._stack = stack
        self._random = random.Random(seed)
        self._bag: list[str] = []
        """Parts that are still to be struck in this round: each as often as others."""

    async def strike(self) -> Blow:
        """A part by chance; raises RuntimeError when it does not recover."""
        found = self._parts()
        part = self._draw(found)
        is_freeze = self._random.random() < SHARE_OF_FREEZES
        await asyncio.sleep(self._random.uniform(1.0, 5.0))
        process = self._parts().get(part, found[part])
        began = time.monotonic()
        with contextlib.suppress(psutil.NoSuchProcess):
            if is_freeze:
                process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(FREEZE_S)
                process.send_signal(signal.SIGCONT)
            else:
                process.kill()
        await self._wait_well(part, process.pid, is_freeze)
        ended = time.monotonic()
        seconds = ended - began - (FREEZE_S if is_freeze else 0.0)
        return Blow(part, is_freeze, seconds, began, ended)

    def _draw(self, found: Mapping[str, psutil.Process]) -> str:
        self._bag = [part for part in self._bag if part in found]
        if not self._bag:
            self._bag = sorted(found)
            self._random.shuffle(self._bag)
        return self._bag.pop()

    def _parts(self) -> dict[str, psutil.Process]:
        """The first process of each part: of several the eldest."""
        found = parts_of(self._stack.process_id)
        return {part: found[part][0] for part in PARTS if part in found}

    async def _wait_well(self, part: str, struck: int, is_freeze: bool) -> None:
        began = time.monotonic()
        while (since_s := time.monotonic() - began) < RECOVERY_TIMEOUT_S:
            await asyncio.sleep(0.25)
            now = self._parts().get(part)
            is_there = now is not None and (is_freeze or now.pid != struck)
            if is_there and await asyncio.to_thread(self._is_well, part, since_s):
                return
        raise RuntimeError(f"The {part} was not back after {RECOVERY_TIMEOUT_S:.0f} s.")

    def _is_well(self, part: str, since_s: float) -> bool:
        """Whether all parts are, and what is known of the struck one is newer."""
        try:
            with urllib.request.urlopen(f"{self._stack.url}/readyz", timeout=5) as got:
                report = json.load(got)
        except (OSError, ValueError):
            return False
        worker = next(p for p in report["parts"] if p["name"] == "default worker")
        ages = {"default worker": worker["seen_s"], "engine host": None}
        for engine in report["engines"]:
            ages["engine host"] = ages["engine core"] = engine["heartbeat_age_s"]
        age_s = ages.get(part, 0.0)
        is_new = age_s is not None and age_s < since_s
        return bool(is_new and worker["state"] == "up" and report["engine"] == "ready")


async def _under_blows(stack: Running, scale: Scale) -> tuple[list[Blow], list[Asker]]:
    askers = [Asker(stack.url, index) for index in range(scale["askers"])]
    asking = [asyncio.create_task(asker.run()) for asker in askers]
    striker, blows = Striker(stack, scale["seed"]), []
    for number in range(scale["kills"]):
        blow = await striker.strike()
        blows.append(blow)
        verb = "stopped" if blow.is_freeze else "killed"
        print(f"  {number + 1}: {blow.part} {verb}, well after {blow.recovery_s:.1f} s")
    for asker in askers:
        asker.is_stopping = True
    await asyncio.wait(asking, timeout=END_WITHIN_S)
    for task in asking:
        task.cancel()
    return blows, askers


def well_s(question: Question, blows: Sequence[Blow], now: float) -> float:
    """Seconds for which a question was open while all was well."""
    began = question.began
    ended = now if question.ended_s is None else began + question.ended_s
    struck = (min(b.ended, ended) - max(b.began, began) for b in blows)
    return ended - began - sum(seconds for seconds in struck if seconds > 0)


def turns_by_key(database: Path) -> dict[str, list[str]]:
    """States of the turns that were made of each question, as they are stored."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT ask_key, state FROM mentor_turn").fetchall()
    found = defaultdict(list)
    for key, state in rows:
        found[key].append(state)
    return found


def results(
    blows: list[Blow], askers: list[Asker], stored: dict[str, list[str]], now: float
) -> list[dict[str, Any]]:
    """What bench prints; ``stored`` is turns_by_key(), ``now`` the end of the run on
    the monotonic clock."""
    questions = [question for asker in askers for question in asker.asked]
    # Each begins a conversation, and a learner's oldest make room: only the last stay.
    kept = [one for asker in askers for one in asker.asked[-CONVERSATIONS_KEPT:]]
    taken = [one for one in kept if one.is_taken]
    ends = Counter(one.state or "open" for one in questions)
    open_s = [well_s(one, blows, now) for one in questions]
    counts = {
        "questions": len(questions),
        "lost": sum(one.key not in stored for one in taken),
        "doubled": sum(len(states) > 1 for states in stored.values()),
        "without_an_end": sum(not one.state for one in questions)
        + sum("open" in states for states in stored.values()),
        "late": sum(seconds > LATE_S for seconds in open_s),
        "answered": ends["answered"],
        "failed_with_a_reason": ends["failed"],
        "refused_and_asked_again": sum(len(one.refusals) for one in questions),
    }
    rows: list[dict[str, Any]] = [
        {"name": name, "value": float(number), "unit": "questions"}
        for name, number in counts.items()
    ]
    if open_s:
        row = {"name": "open_while_well_s", "value": max(open_s), "unit": "s"}
        p95 = f"at most; 95 % of the questions {percentile(open_s, 95):.1f} s"
        rows.append({**row, "conditions": p95})
    for part in PARTS:
        seconds = [b.recovery_s for b in blows if b.part == part and not b.is_freeze]
        if seconds:
            row = {"name": f"recovery_s {part}", "value": median(seconds), "unit": "s"}
            worst = f"{len(seconds)} kills, at most {max(seconds):.1f} s"
            rows.append({**row, "conditions": worst})
    return rows


def run(options: dict[str, str]) -> list[dict[str, Any]]:
    """The results."""
    scale = scale_of("chaos", options)
    with stack_of(scale, options) as stack:
        blows, askers = asyncio.run(_under_blows(stack, scale))
        now = time.monotonic()
        return results(blows, askers, turns_by_key(stack.data_dir / DATABASE), now)
