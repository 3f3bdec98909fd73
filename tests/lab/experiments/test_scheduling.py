"""One long prompt: what its chunks do to the others' tokens."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from lab.engine.host import EngineHost
from lab.experiments.scheduling import SCHEDULING, outcome, reading, token_times
from lab.tracing.trace import StepTrace
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.fake_engine import REPORT

SHORT = replace(REPORT, arrived_at=100.0, ttft_s=1.0, itls_s=[0.1, 0.1, 0.5, 0.5, 0.1])
LONG = replace(
    REPORT, arrived_at=101.1, queue_s=0.1, ttft_s=1.0, num_prompt_tokens=1_000
)


def test_the_times_of_tokens_follow_from_arrival_ttft_and_gaps():
    assert [round(at, 3) for at, _ in token_times(SHORT)] == [
        101.1, 101.2, 101.7, 102.2, 102.3,
    ]  # fmt: skip
    assert reading([LONG]) == pytest.approx((101.2, 102.1))
    assert reading([replace(LONG, ttft_s=None)]) is None


def test_gaps_while_the_prompt_was_read_are_held_against_those_before():
    found = outcome([SHORT], [LONG], budget=512)
    assert found.answer == pytest.approx(5.0)
    figures = {figure.label: figure.value for figure in found.figures}
    assert figures["steps that the reading takes at least"] == 2
    ((low, high),) = [(span.low, span.high) for span in found.plots[0].spans]
    assert (low, high) == pytest.approx((0.2, 1.1))


def test_what_was_not_told_is_no_answer():
    assert outcome([replace(SHORT, itls_s=[])], [LONG], 512).answer is None


@pytest.mark.engine
async def test_everybody_waits_longer_while_a_long_prompt_is_read(
    host: EngineHost, ear: Ear
) -> None:
    found, reports = await run(SCHEDULING, host, ear, at_once=3, long=800, late=0)
    *short, long = reports
    assert len({report.num_output_tokens for report in short}) == 1
    assert long.num_prompt_tokens > host.status.max_num_batched_tokens, "in chunks"
    assert found.answer > 0
    figures = {figure.label: figure.value for figure in found.figures}
    assert figures["steps that the reading takes at least"] >= 2
    assert figures["longest gap while it was read"] > 0


def test_who_came_together_is_told_with_its_priority():
    late = replace(REPORT, ttft_s=0.2, queue_s=0.05)
    found = outcome([SHORT], [LONG], 512, [late, late], first="short")
    assert "after 200 ms (median), the long prompt after 1000 ms" in found.says
    rows = {row[0]: row[1:3] for row in found.tables[1].rows}
    assert rows == {"long prompt": [1, 3], "short, came with it": [2, 2]}
    assert [row[0] for row in outcome([SHORT], [LONG], 512).tables[1].rows] == [
        "long prompt"
    ]


@pytest.mark.engine
@pytest.mark.parametrize("first", ["short", "long"])
async def test_priority_is_respected_among_those_that_wait(
    host: EngineHost, ear: Ear, first: str
) -> None:
    num_seen = len(ear.traces)
    found, reports = await run(
        SCHEDULING, host, ear, at_once=2, long=800, late=4, first=first
    )
    long = max(reports, key=lambda report: report.num_prompt_tokens)
    late = [report for report in reports[2:] if report is not long]
    turns = _turns(ear.traces[num_seen:])
    others = [turns[report.short_id] for report in late]
    mine = turns[long.short_id]
    assert len(others) == 4
    if first == "short":
        assert not [one for one in others if mine.is_before_one_that_waited(one)]
    else:
        assert not [one for one in others if one.is_before_one_that_waited(mine)]
    rows = {row[0]: row[2] for row in found.tables[1].rows}
    assert rows["long prompt"] == (3 if first == "short" else 2)


class _Turn(NamedTuple):
    """When a request was known to the scheduler, and when it was first scheduled."""

    known: int
    """Index of the record that first names it."""
    began: int
    """Index of the record of its first step."""
    place: int
    """Of all requests, in the order of their first steps."""

    def is_before_one_that_waited(self, other: "_Turn") -> bool:
        """Scheduled first although the scheduler knew ``other`` by then: how fast
        requests follow on each other is not in the scheduler's hands."""
        return self.place < other.place and other.known <= self.began


def _turns(traces: list[StepTrace]) -> dict[int, _Turn]:
    """By short id."""
    known: dict[int, int] = {}
    turns: dict[int, _Turn] = {}
    for index, trace in enumerate(traces):
        for row in trace.requests.tolist():
            known.setdefault(row[0], index)
        for short_id in trace.scheduled[0].tolist():
            if short_id not in turns:
                begun = known.setdefault(short_id, index)
                turns[short_id] = _Turn(begun, index, len(turns))
    return turns
