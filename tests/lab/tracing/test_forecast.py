"""How long one waits: forecast from recorded traces, and compared with what came."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.tracing.forecast import AnswerLength, Lengths, WaitForecast
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import (
    RequestState,
    StepChanges,
    StepTrace,
    TraceKind,
    decode,
    encode,
)
from tests.data.make_golden import source
from tests.lab.step_traces import header

EVERY_NS = 500_000_000
MAX_RUNNING, BUDGET = 32, 512
"""Of the engines that were recorded."""


class Recorded(NamedTuple):
    """Real traces, and how large the pool was."""

    traces: list[StepTrace]
    num_blocks: int
    block_size: int


class Compared(NamedTuple):
    """One forecast and what came."""

    least_s: float
    most_s: float
    true_s: float


def overflowing() -> Recorded:
    recording = read_recording(SHIPPED_DIR / "smollm2-cpu-overflow.svlr")
    header = recording.header
    return Recorded(list(recording.traces()), header.num_blocks, header.block_size)


def aborting() -> Recorded:
    records, num_blocks, block_size = source()
    return Recorded([decode(record) for record in records], num_blocks, block_size)


def _replayed(one: Recorded) -> Iterator[tuple[StepTrace, PoolMirror, list]]:
    mirror = PoolMirror(one.num_blocks, one.block_size)
    for trace in one.traces:
        yield trace, mirror, mirror.apply(trace)


def _truth(one: Recorded) -> tuple[dict[int, list[int]], dict[int, AnswerLength]]:
    """When each request was in a step [ns], and how long its answer became."""
    scheduled, lengths = defaultdict(list), {}
    for trace, _, finished in _replayed(one):
        if trace.header.kind is TraceKind.SCHEDULE:
            for short_id in trace.scheduled[0].tolist():
                scheduled[short_id].append(trace.header.stamp_ns)
        for request in finished:
            number = request.num_computed_tokens - request.num_prompt_tokens + 1
            lengths[request.short_id] = AnswerLength(max(number, 0), is_exact=True)
    return scheduled, lengths


def compare(
    one: Recorded, *, knows_lengths: bool, most: int | None = None
) -> tuple[list[Compared], int]:
    """Every forecast of the recording, and how often none was made; of lengths that are
    not known ``most`` tokens are allowed."""
    scheduled, true_lengths = _truth(one)
    lengths: Lengths = true_lengths if knows_lengths else {}
    if most is not None:
        lengths = dict.fromkeys(true_lengths, AnswerLength(most))
    forecast, compared, num_unknown, due = WaitForecast(MAX_RUNNING, BUDGET), [], 0, 0
    for trace, mirror, finished in _replayed(one):
        forecast.note(trace, finished, lengths)
        now = trace.header.stamp_ns
        if now < due:
            continue
        due = now + EVERY_NS
        waits = forecast.waits(mirror, lengths)
        for short_id in mirror.waiting:
            begins = next((at for at in scheduled[short_id] if at > now), None)
            if begins is None:  # aborted while it waited
                continue
            if short_id in waits:
                true_s = (begins - now) / 1e9
                wait = waits[short_id]
                compared.append(Compared(wait.least_s, wait.most_s, true_s))
            else:
                num_unknown += 1
    return compared, num_unknown


def median_error(compared: Iterable[Compared]) -> float:
    """Of forecast ÷ truth, as a share of the truth, where all lengths are known."""
    assert all(one.least_s == one.most_s for one in compared)
    return statistics.median(abs(f - t) / max(t, 0.1) for _, f, t in compared)


def coverage(compared: list[Compared]) -> float:
    """How often the truth lay within the span, but for half a second: a step."""
    held = [one.least_s - 0.5 <= one.true_s <= one.most_s + 0.5 for one in compared]
    return sum(held) / len(held)


def test_demonstrations_that_overflow_the_pool_wait_about_as_long_as_told() -> None:
    compared, num_unknown = compare(overflowing(), knows_lengths=True)
    assert len(compared) > 100 and num_unknown < len(compared) / 5
    assert median_error(compared) < 0.12
    close = [one for one in compared if abs(one.most_s - one.true_s) < 3]
    assert len(close) > 0.8 * len(compared)


def test_of_answers_whose_length_nobody_knows_a_span_is_told_that_holds() -> None:
    """With aborts and a crowd that is preempted, none of which is foreseen, and answers
    that become five times as long as all before them."""
    known, _ = compare(aborting(), knows_lengths=True)
    learnt, _ = compare(aborting(), knows_lengths=False, most=320)
    assert median_error(known) < 0.55
    assert len(learnt) > 300 and coverage(learnt) >= 0.85


def test_without_a_limit_nothing_is_told_of_what_few_answers_tell() -> None:
    learnt, num_unknown = compare(aborting(), knows_lengths=False)
    assert num_unknown > len(learnt)


def _mirror(*requests: tuple[int, RequestState, int, int]) -> PoolMirror:
    """Requests as (short_id, state, prompt, computed), 4 tokens a block."""
    mirror = PoolMirror(num_blocks=1000, block_size=4)
    mirror.header = header(TraceKind.SCHEDULE, num_free_blocks=900)
    for short_id, state, prompt, computed in requests:
        one = RequestMirror(short_id, state, prompt, num_computed_tokens=computed)
        mirror.requests[short_id] = one
        if state is RequestState.WAITING:
            mirror.waiting.append(short_id)
    return mirror


def _experienced(step_ms: int) -> WaitForecast:
    """It has seen steps of that length, and two places in the batch."""
    forecast = WaitForecast(max_running=2, budget=100)
    for step in range(20):
        head = header(
            TraceKind.SCHEDULE, step=step, stamp_ns=step * step_ms * 1_000_000
        )
        changes = StepChanges(scheduled=[1, 1, 5])
        forecast.note(decode(encode(head, changes)), [], {})
    return forecast


def _begin_as_told(forecast: WaitForecast) -> None:
    """Eight that were to wait 4 s, and did."""
    exact = {1: AnswerLength(50, is_exact=True), 2: AnswerLength(50, is_exact=True)}
    running = ((1, RequestState.RUNNING, 10, 19), (2, RequestState.RUNNING, 10, 19))
    for number in range(100, 108):
        mirror = _mirror(*running, (number, RequestState.WAITING, 10, 0))
        (wait,) = forecast.waits(mirror, exact).values()
        assert (wait.least_s, wait.most_s) == (pytest.approx(4.0), pytest.approx(4.0))
        stamp_ns = mirror.header.stamp_ns + 4_000_000_000
        head = header(TraceKind.SCHEDULE, step=90, stamp_ns=stamp_ns)
        changes = StepChanges(scheduled=[number, 1, 10])
        forecast.note(decode(encode(head, changes)), [], {})


def test_the_queue_is_played_forward_place_by_place() -> None:
    mirror = _mirror(
        (1, RequestState.RUNNING, 10, 19),
        (2, RequestState.RUNNING, 10, 39),
        (3, RequestState.WAITING, 100, 0),
        (4, RequestState.WAITING, 10, 0),
        (5, RequestState.WAITING, 10, 0),
    )
    exact = {i: AnswerLength(50, is_exact=True) for i in range(1, 6)}
    waits = _experienced(step_ms=100).waits(mirror, exact)
    # 2 has 20 tokens to go, 1 has 40; 3 begins after 2, its prompt takes a step
    seconds = {short_id: round(wait.most_s, 1) for short_id, wait in waits.items()}
    assert all(wait.least_s == wait.most_s for wait in waits.values())
    assert seconds == {3: 2.0, 4: 4.0, 5: 7.1}
    assert not any(wait.is_bound for wait in waits.values())


def test_without_a_finished_answer_the_wait_is_a_bound_or_unknown() -> None:
    mirror = _mirror(
        (1, RequestState.RUNNING, 10, 19),
        (2, RequestState.RUNNING, 10, 19),
        (3, RequestState.WAITING, 10, 0),
    )
    forecast = _experienced(step_ms=100)
    allowed = {1: AnswerLength(50), 2: AnswerLength(30)}
    assert forecast.waits(mirror, allowed) == {}, "none began that was forecast"
    _begin_as_told(forecast)
    bounded = forecast.waits(mirror, allowed)
    assert (bounded[3].most_s, bounded[3].is_bound) == (pytest.approx(2.0), True)
    assert bounded[3].least_s == 0, "each may end at its next token"
    assert forecast.waits(mirror, {}) == {}
    assert WaitForecast(2, 100).waits(mirror, {1: AnswerLength(50)}) == {}


def test_an_answer_goes_on_as_long_as_those_did_that_got_as_far() -> None:
    forecast = _experienced(step_ms=100)
    for length in [5] * 30 + [20] * 10 + [25] * 10 + [30] * 4:
        ended = RequestMirror(
            9, RequestState.FINISHED, 10, num_computed_tokens=9 + length
        )
        record = encode(header(TraceKind.UPDATE), StepChanges())
        forecast.note(decode(record), [ended], {})
    _begin_as_told(forecast)
    mirror = _mirror(
        (1, RequestState.RUNNING, 10, 19),  # 10 so far: like 20 to 30, 10 to 20 to go
        (2, RequestState.RUNNING, 10, 59),
        (3, RequestState.WAITING, 10, 0),
    )
    lengths = {2: AnswerLength(200, is_exact=True)}
    wait = forecast.waits(mirror, lengths)[3]
    span = pytest.approx(1.0), pytest.approx(2.0)
    assert (wait.least_s, wait.most_s, wait.is_bound) == (*span, False)
