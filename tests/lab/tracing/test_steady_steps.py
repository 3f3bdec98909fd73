"""The short way of a step that repeats the last one: what it writes is what is."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.request import RequestStatus

from lab.tracing.notes import Refused, notes_of
from lab.tracing.steady_steps import SteadySteps
from tests.lab.driven_scheduler import Driven
from tests.lab.tracing.checked_scheduler import CheckedScheduler

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    made = Driven(tmp_path, num_blocks=20, max_num_seqs=12, kind=CheckedScheduler)
    yield made
    made.close()


def _spy_on(driven: Driven, *, is_long: bool = False) -> list[bool]:
    """Of each step from now on whether it took the short way; ``is_long``: none may."""
    ways: list[bool] = []

    class Spied(SteadySteps):
        __slots__ = ()

        def wrote(self, output: SchedulerOutput) -> bool:
            if is_long:
                self._rest = b""
            ways.append(super().wrote(output))
            return ways[-1]

    driven.scheduler._steps.__class__ = Spied
    return ways


def _busy(driven: Driven) -> None:
    """Crowds, aborts, resets and readers that lost the thread."""
    draw, scheduler = random.Random(5), driven.scheduler
    for _ in range(600):
        if draw.random() < 0.15 and len(scheduler.requests) < 12:
            prompt = [draw.randrange(3)] * 20 + [draw.randrange(999)] * 9
            driven.add(prompt, draw.choice((2, 30, 80)))
        if draw.random() < 0.03 and scheduler.requests:
            one = draw.choice(list(scheduler.requests))
            scheduler.finish_requests(one, RequestStatus.FINISHED_ABORTED)
        if draw.random() < 0.03:
            scheduler.reset_prefix_cache(draw.random() < 0.5)
        if draw.random() < 0.03:
            driven.tap.ask_snapshot()
        driven.step()


def test_the_short_way_tells_what_the_pool_holds(driven: Driven) -> None:
    ways = _spy_on(driven)
    _busy(driven)
    check = driven.scheduler.check
    assert check.mismatches == []
    assert check.counts["records"] == len(driven.records)
    assert sum(ways) > 100
    assert check.counts["snapshots"] > 10
    assert driven.mirror.header.num_preemptions > 10


def test_both_ways_write_the_same(tmp_path: Path) -> None:
    written = []
    for is_long in (False, True):
        directory = tmp_path / str(is_long)
        directory.mkdir()
        driven = Driven(directory, num_blocks=20, max_num_seqs=12)
        ways = _spy_on(driven, is_long=is_long)
        _busy(driven)
        written.append([_without_clocks(one) for one in driven.records])
        assert any(ways) is not is_long
        notes = [note for trace in driven.traces for note in notes_of(trace)]
        assert sum(isinstance(note, Refused) for note in notes) > 10
        driven.close()
    assert written[0] == written[1]


def _without_clocks(record: bytes) -> bytes:
    """A record without its stamp and cost."""
    return record[:16] + record[28:]


def test_what_the_reader_asks_for_is_not_passed_by(driven: Driven) -> None:
    ways = _spy_on(driven)
    driven.add(list(range(20)), 200)
    for _ in range(5):
        driven.step()
    assert ways[-1]
    driven.tap.ask_snapshot()
    driven.step()
    assert not ways[-1]
    for _ in range(3):
        driven.step()
    assert ways[-1]
    driven.tap.enable(False)
    num_records = len(driven.records)
    driven.step()
    assert not ways[-1] and len(driven.records) == num_records
    driven.tap.enable(True)
    for _ in range(8):
        driven.step()
    assert ways[-1] and driven.scheduler.check.mismatches == []
