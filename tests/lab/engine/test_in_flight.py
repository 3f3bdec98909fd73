"""InFlightRequest: asking for an event changes nothing, noting one does."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from lab.engine.in_flight import InFlightRequest
from lab.engine.waiting import WaitingLine, about
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState
from tests.lab.engine_host import question

LINE = WaitingLine(max_running=2, budget=64)


async def in_flight() -> InFlightRequest:
    made = InFlightRequest(question("r", "why", 5), "host-a")
    made.short_id = 7
    return made


def mirror(state: RequestState) -> PoolMirror:
    pool = PoolMirror(num_blocks=8, block_size=32)
    pool.requests[7] = RequestMirror(7, state, 300, 0)
    if state is RequestState.WAITING:
        pool.waiting.append(7)
    return pool


def output(text: str, is_finished: bool = False) -> Any:
    completion = SimpleNamespace(text=text, token_ids=np.arange(3), finish_reason=None)
    return SimpleNamespace(
        outputs=[completion],
        finished=is_finished,
        prompt_token_ids=[1, 2],
        num_cached_tokens=0,
    )


async def test_to_ask_for_the_place_does_not_end_the_time_in_the_queue() -> None:
    request = await in_flight()
    running = mirror(RequestState.RUNNING)
    event = request.place_event(running, LINE)
    assert event is not None and event.phase == "prefill"
    assert request.clock.queue_s is None
    request.note_first_schedule(running)
    assert request.clock.queue_s is not None


async def test_the_first_schedule_is_noted_once_and_not_while_it_waits() -> None:
    request = await in_flight()
    request.note_first_schedule(mirror(RequestState.WAITING))
    assert request.clock.first_scheduled is None
    request.note_first_schedule(mirror(RequestState.RUNNING))
    noted = request.clock.first_scheduled
    request.note_first_schedule(mirror(RequestState.RUNNING))
    assert noted is not None and request.clock.first_scheduled == noted


async def test_a_trace_that_is_read_after_the_first_token_still_tells_the_queue() -> (
    None
):
    request = await in_flight()
    request.clock.arrival -= 3_000.0
    request.take(output("a"))
    request.note_first_schedule(mirror(RequestState.RUNNING), ago_s=2_000.0)
    queue_s, ttft_s = request.clock.queue_s, request.clock.ttft_s
    assert queue_s is not None and ttft_s is not None
    assert 0 < queue_s < ttft_s


async def test_an_event_stays_news_until_it_was_told() -> None:
    request = await in_flight()
    waiting = mirror(RequestState.WAITING)
    for _ in range(2):
        event = request.place_event(waiting, LINE)
        assert event is not None and (event.phase, event.place) == ("waiting", 1)
        assert request.is_news(event)
    request.note_told(event)
    assert not request.is_news(event)
    later = request.event("waiting", place=2)
    assert request.is_news(later)


async def test_the_first_text_is_told_at_once_and_the_next_after_a_pause() -> None:
    request = await in_flight()
    request.take(output("So"))
    first = request.token_event(pause_s=60.0)
    assert first is not None and first == request.token_event(pause_s=60.0)
    request.note_told(first)
    request.take(output("So it is"))
    assert request.token_event(pause_s=60.0) is None
    assert request.place_event(mirror(RequestState.RUNNING), LINE) is None


async def test_who_waits_is_told_of_how_many_and_that_the_time_is_unknown() -> None:
    request = await in_flight()
    pool = mirror(RequestState.WAITING)
    pool.waiting.insert(0, 5)
    event = request.place_event(pool, LINE)
    assert event is not None
    assert (event.place, event.num_waiting, event.wait_s) == (2, 2, None)


def test_a_forecast_is_never_told_more_exactly_than_it_is() -> None:
    told = [about(seconds) for seconds in (0.2, 3.6, 12.4, 58, 124)]
    assert told == [1, 4, 10, 60, 120]


async def test_a_request_whose_last_trace_is_late_is_reported_all_the_same() -> None:
    request = await in_flight()
    request.take(output("So it is"))
    request.is_aborted = True
    await request.wait_for_end(timeout_s=0.01)
    report = request.report(request.finish_reason(), block_size=32)
    assert (report.finish_reason, report.text) == ("aborted", "So it is")
    assert (report.num_blocks, report.block_seconds) == (None, None)
