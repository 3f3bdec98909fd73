"""Hours of ordinary use: what grows, and what has no end.

Some learners ask one question after the other, pages are read, now and then somebody
starts a demonstration; every ``sample_s`` memory, files and rows are counted. Growth is
the slope over the time after the first third, in which caches fill. Options:
minutes=10 (hours: minutes=480), askers=4, pause_s=10, sample_s=30, engine=replay.
"""

import asyncio
import contextlib
import sqlite3
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.asking_again import AWAY, Asker
from benchmarks.chaos import DATABASE, END_WITHIN_S
from benchmarks.classroom import demonstration
from benchmarks.parts import PARTS, Usage
from benchmarks.replayed import stack_of
from benchmarks.scale import Scale, scale_of
from benchmarks.stack import Running
from benchmarks.viewing import USER_AGENT, session_cookies

PAGES = ("/", "/chapters/deploying-ai-models/", "/lab/", "/lab/hardware/", "/readyz")
DEMO_EVERY_S = 60.0
SHM = Path("/dev/shm")
SETTLED = 1 / 3
"""The share of a run that is left out of a slope."""


@dataclass
class Sample:
    """All that may grow, at one moment."""

    usage: Usage
    rows: dict[str, int]
    data_mb: float
    """Files of DATA_DIR."""
    num_shm: int
    """Files in /dev/shm, of all that run on this machine."""
    at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, stack: Running) -> "Sample":
        """Now."""
        return cls(
            Usage.now(stack.process_id),
            rows_of(stack.data_dir / DATABASE),
            _tree_mb(stack.data_dir),
            len(list(SHM.glob("*"))),
        )


def rows_of(database: Path) -> dict[str, int]:
    """Rows by table."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for (name,) in names
        }


def _tree_mb(directory: Path) -> float:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_size
    return total / 1e6


def slope_per_hour(points: Sequence[tuple[float, float]]) -> float | None:
    """Least squares of (seconds, value) after the first SETTLED; None of fewer than
    three points."""
    if not points:
        return None
    first, last = points[0][0], points[-1][0]
    kept = [one for one in points if one[0] >= first + (last - first) * SETTLED]
    if len(kept) < 3:
        return None
    mean_x = sum(x for x, _ in kept) / len(kept)
    mean_y = sum(y for _, y in kept) / len(kept)
    over = sum((x - mean_x) * (y - mean_y) for x, y in kept)
    return 3600 * over / sum((x - mean_x) ** 2 for x, _ in kept)


async def _read_pages(url: str, num_failed: Counter[str], every_s: float) -> None:
    cookies = await asyncio.to_thread(session_cookies, url)
    headers = {"User-Agent": USER_AGENT, "Cookie": cookies}

    def read(page: str) -> None:
        request = urllib.request.Request(url + page, headers=headers)
        try:
            urllib.request.urlopen(request, timeout=30).read()
        except OSError as error:
            num_failed[f"{page}: {error}"] += 1

    while True:
        for page in PAGES:
            await asyncio.to_thread(read, page)
            await asyncio.sleep(every_s)


async def _press_demos(url: str, ended: Counter[str]) -> None:
    cookies = await asyncio.to_thread(session_cookies, url)
    while True:
        try:
            async with asyncio.timeout(END_WITHIN_S + DEMO_EVERY_S):
                ended[await demonstration(url, cookies)] += 1
        except AWAY as error:
            ended[str(error) or "without an end"] += 1
        await asyncio.sleep(DEMO_EVERY_S)


async def _soak(
    stack: Running, scale: Scale
) -> tuple[list[Sample], list[Asker], Counter[str], Counter[str]]:
    """Samples, who asked, pages that failed, and how demonstrations ended."""
    pause_s = float(scale["pause_s"])
    askers = [
        Asker(stack.url, index, pause_s=pause_s) for index in range(scale["askers"])
    ]
    failed: Counter[str] = Counter()
    demos: Counter[str] = Counter()
    asking = [asyncio.create_task(asker.run()) for asker in askers]
    others = [
        asyncio.create_task(_read_pages(stack.url, failed, pause_s)),
        asyncio.create_task(_press_demos(stack.url, demos)),
    ]
    samples, until = [], time.monotonic() + 60 * scale["minutes"]
    while time.monotonic() < until:
        samples.append(await asyncio.to_thread(Sample.of, stack))
        await asyncio.sleep(min(scale["sample_s"], max(0, until - time.monotonic())))
    for asker in askers:
        asker.is_stopping = True
    for task in others:
        task.cancel()
    await asyncio.wait(asking, timeout=END_WITHIN_S + pause_s)
    for task in asking:
        task.cancel()
    last = await asyncio.to_thread(Sample.of, stack)
    return [*samples, last], askers, failed, demos


def results(
    samples: Sequence[Sample],
    askers: Sequence[Asker],
    failed: Counter[str],
    demos: Counter[str],
    num_open: int,
) -> list[dict[str, Any]]:
    """What bench prints; ``num_open`` are turns that are stored without an end."""
    questions = [one for asker in askers for one in asker.asked]
    first, last = samples[0], samples[-1]
    minutes = (last.at - first.at) / 60
    grown = {name: n - first.rows.get(name, 0) for name, n in last.rows.items()}
    most = sorted(grown, key=lambda name: grown[name], reverse=True)[:4]
    words = ", ".join(f"{name} {grown[name] / minutes:.1f}" for name in most)
    untold = sum(not one.state for one in questions)
    rows = [
        _row("minutes", minutes, "min"),
        _row("questions", len(questions), "questions"),
        _row("without_an_end", max(untold, num_open), "questions"),
        _row(
            "failed_with_a_reason",
            sum(q.state == "failed" for q in questions),
            "questions",
        ),
        _row("pages_failed", failed.total(), "pages", "; ".join([*failed][:3])),
        _row("demos_ended", demos["ended"], "", "; ".join(demos.keys() - {"ended"})),
        _row("rows_per_min", sum(grown.values()) / minutes, "1/min", words),
    ]
    measured = {
        "data_mb": [(one.at, one.data_mb) for one in samples],
        "shm_files": [(one.at, float(one.num_shm)) for one in samples],
    }
    for part in PARTS:
        kept = [one for one in samples if part in one.usage.memory_mb]
        measured[f"memory_mb {part}"] = [(s.at, s.usage.memory_mb[part]) for s in kept]
        measured[f"files {part}"] = [
            (s.at, float(s.usage.num_files[part])) for s in kept
        ]
    for name, points in measured.items():
        slope = slope_per_hour(points)
        if slope is not None:
            reach = f"{points[0][1]:.4g} at first, {points[-1][1]:.4g} at last"
            rows.append(_row(f"{name}_per_h", slope, "1/h", reach))
    return rows


def _row(name: str, value: float, unit: str, words: str = "") -> dict[str, Any]:
    row = {"name": name, "value": float(value), "unit": unit}
    return row | {"conditions": words} if words else row


def num_open_turns(database: Path) -> int:
    """Turns stored without an end."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        asked = "SELECT count(*) FROM mentor_turn WHERE state = 'open'"
        return int(connection.execute(asked).fetchone()[0])


def run(options: dict[str, str]) -> list[dict[str, Any]]:
    """The results."""
    scale = scale_of("soak", options)
    with stack_of(scale, options) as stack:
        samples, askers, failed, demos = asyncio.run(_soak(stack, scale))
        num_open = num_open_turns(stack.data_dir / DATABASE)
        return results(samples, askers, failed, demos, num_open)
