"""Several beats on one broker: each message of the schedule goes out once."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.schedules import schedule
from django.conf import settings

from config.beat import KEY, OneOfSeveral

EVERY_S = 0.4


class Beat(OneOfSeveral):
    """Notes what it would send."""

    turn_s = 3

    def __init__(self, path: Path) -> None:
        self.sent: list[float] = []
        app = Celery("beats", broker="memory://", set_as_current=False)
        app.conf.beat_schedule = {
            "sweep": {"task": "lab.sweep", "schedule": schedule(EVERY_S)}
        }
        super().__init__(app=app, schedule_filename=str(path), max_interval=0.05)

    def apply_async(self, entry: Any, producer: Any = None, **_: Any) -> None:
        if entry.task == "lab.sweep":
            self.sent.append(time.monotonic())


@pytest.fixture
def beats(tmp_path: Path) -> Iterator[list[Beat]]:
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        server.delete(KEY, f"{KEY}:sweep")
    beats = [Beat(tmp_path / name) for name in ("one", "two", "three")]
    yield beats
    for beat in beats:
        beat.close()


def run(beats: list[Beat], number: int) -> None:
    """Until they have sent so many more between them."""
    until = number + _num_sent(beats)
    while _num_sent(beats) < until:
        for beat in beats:
            beat.tick()
        time.sleep(0.01)


def _num_sent(beats: list[Beat]) -> int:
    return sum(len(beat.sent) for beat in beats)


def test_of_three_beats_one_sends_and_nothing_is_doubled(beats: list[Beat]) -> None:
    began = time.monotonic()
    run(beats, 8)
    (sender,) = [beat for beat in beats if beat.sent]
    assert len(sender.sent) <= (time.monotonic() - began) / EVERY_S + 1


@pytest.mark.parametrize("is_killed", [False, True])
def test_another_takes_over_and_sends_nothing_that_was_sent(
    beats: list[Beat], is_killed: bool
) -> None:
    run(beats, 3)
    (first,) = [beat for beat in beats if beat.sent]
    others = [beat for beat in beats if beat is not first]
    before = list(first.sent)
    if not is_killed:
        first.close()
    run(others, 3)
    (second,) = [beat for beat in others if beat.sent]
    sent = [*before, *second.sent]
    gaps = [b - a for a, b in pairwise(sent)]
    assert min(gaps) > EVERY_S / 4, "not at once what the first had sent"


def test_who_takes_over_does_not_send_what_was_sent_a_moment_ago(
    beats: list[Beat],
) -> None:
    first, second, _ = beats
    (entry,) = [e for e in first.schedule.values() if e.task == "lab.sweep"]
    first.apply_entry(entry)
    first.close()
    second.apply_entry(entry)
    assert (len(first.sent), len(second.sent)) == (1, 0)


def test_without_redis_nothing_is_sent_and_beat_lives_on(
    tmp_path: Path, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    beat = Beat(tmp_path / "alone")
    for _ in range(3 * int(EVERY_S / 0.01)):
        beat.tick()
        time.sleep(0.01)
    assert beat.sent == []
    beat.close()


def test_the_product_beats_so() -> None:
    from config.celery import app

    assert app.conf.beat_scheduler == "config.beat:OneOfSeveral"
