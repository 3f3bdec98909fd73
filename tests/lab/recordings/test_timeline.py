"""The bars of a recording: every scheduled token is in one, in the step that had it."""

from collections import Counter

import pytest

from lab.recordings import library
from lab.recordings.reader import read_bytes
from lab.recordings.recording import Recording
from lab.recordings.timeline import Span, timeline_of
from lab.rehearsal.figures import figures_of
from lab.tracing.trace import TraceKind
from tests.lab.recordings.test_recording import HEADER
from tests.lab.step_traces import Traffic


def told_of(recording: Recording) -> tuple[dict, Counter]:
    """The timeline, and (step, request) → tokens by its spans."""
    told = timeline_of(recording)
    shares: Counter = Counter()
    for one in told["requests"]:
        for kind, first, end, tokens in one["spans"]:
            assert 0 <= first < end <= len(told["steps"])
            for step in range(first, end):
                shares[told["steps"][step], one["id"]] += tokens
                assert kind not in (Span.QUEUED, Span.PREEMPTED) or tokens == 0
    return told, shares


def recordings() -> list[Recording]:
    shipped = library.file("smollm2-cpu-overflow")
    assert shipped is not None
    made = Recording(HEADER, Traffic(seed=3, num_blocks=30).records(600))
    return [made, read_bytes(shipped, "shipped")]


@pytest.mark.parametrize("recording", recordings(), ids=["made up", "shipped"])
def test_every_scheduled_token_is_in_one_bar(recording) -> None:
    told, shares = told_of(recording)
    true: Counter = Counter()
    for trace in recording.traces():
        if trace.header.kind is TraceKind.SCHEDULE:
            for short_id, tokens, _ in trace.scheduled.T.tolist():
                true[trace.header.step, short_id] += tokens
    assert {k: v for k, v in shares.items() if v} == dict(true)
    assert len(told["at_ms"]) == len(told["steps"]) == len(told["num_waiting"])
    assert told["at_ms"] == sorted(told["at_ms"])


@pytest.mark.parametrize("recording", recordings(), ids=["made up", "shipped"])
def test_what_a_preempted_request_computes_again_is_told_apart(recording) -> None:
    told, _ = told_of(recording)
    kinds = Counter(
        span[0] for one in told["requests"] for span in one["spans"]
    )  # fmt: skip
    assert all(kinds[kind] for kind in (Span.QUEUED, Span.PREFILL, Span.DECODE))
    assert kinds[Span.PREEMPTED] >= 1
    again = [
        one["preemptions"]
        for one in told["requests"]
        if any(span[0] == Span.RECOMPUTED for span in one["spans"])
    ]
    assert all(again)
    header = recording.header
    size = (header.num_blocks, header.block_size)
    figures = figures_of(list(recording.traces()), *size)
    assert sum(one["again"] for one in told["requests"]) == figures.num_twice
    assert again or recording.header.traffic == HEADER.traffic


def test_bars_of_one_request_follow_each_other() -> None:
    for recording in recordings():
        for one in timeline_of(recording)["requests"]:
            ends = 0
            for _, first, end, _ in one["spans"]:
                assert first >= ends
                ends = end
