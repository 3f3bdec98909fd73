"""The timeline of the last minute is the end of that of the whole run."""

from typing import Any

import pytest

from lab.tracing.mirror import PoolMirror
from lab.tracing.timeline import Timeline
from lab.tracing.trace import StepTrace, decode
from tests.lab.step_traces import Traffic


def follow(timeline: Timeline, traces: list[StepTrace]) -> Timeline:
    mirror = PoolMirror(30, 32)
    for trace in traces:
        timeline.note(trace, mirror.apply(trace), mirror)
    return timeline


def shares(told: dict[str, Any]) -> dict[tuple[int, int], tuple[int, int]]:
    """(step, request) → kind and tokens."""
    return {
        (told["steps"][at], one["id"]): (kind, tokens)
        for one in told["requests"]
        for kind, first, end, tokens in one["spans"]
        for at in range(first, end)
    }


@pytest.fixture(scope="module")
def traces() -> list[StepTrace]:
    traffic = Traffic(seed=3, num_blocks=30, block_size=32)
    return [decode(record) for record in traffic.records(900)]


@pytest.mark.parametrize("most", [1, 7, 200])
def test_the_last_steps_are_those_of_the_whole(traces, most) -> None:
    whole = follow(Timeline(100_000), traces).told()
    last = follow(Timeline(most), traces).told()
    assert last["steps"] == whole["steps"][-most:]
    assert last["num_waiting"] == whole["num_waiting"][-most:]
    kept = set(last["steps"])
    assert shares(last) == {
        key: share for key, share in shares(whole).items() if key[0] in kept
    }
    assert last["at_ms"][0] == 0
    assert last["began_ms"] == pytest.approx(
        whole["began_ms"] + whole["at_ms"][-most], abs=0.02
    )
    again = {one["id"]: one["again"] for one in whole["requests"]}
    assert all(again[one["id"]] == one["again"] for one in last["requests"])


def test_steps_older_than_asked_for_go(traces) -> None:
    whole = follow(Timeline(100_000), traces).told()
    half_ms = whole["end_ms"] / 2
    last = follow(Timeline(100_000, int(half_ms * 1e6)), traces).told()
    assert 0 < len(last["steps"]) < len(whole["steps"])
    assert last["end_ms"] <= half_ms
    assert last["steps"] == whole["steps"][-len(last["steps"]) :]


def test_what_is_told_changes_nothing(traces) -> None:
    """A waiting request's bar grows to the present, however often that is asked."""
    mirror, timeline = PoolMirror(30, 32), Timeline(100_000)
    for trace in traces:
        timeline.note(trace, mirror.apply(trace), mirror)
        timeline.told()
    assert timeline.told() == follow(Timeline(100_000), traces).told()
