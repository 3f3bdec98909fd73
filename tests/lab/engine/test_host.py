"""EngineHost over a replayed engine: what does not need vLLM to be shown."""

import dataclasses
import logging
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.errors import EngineUnavailable, SettingError
from lab.tracing.mirror import PoolMirror
from lab.tracing.tap import TapWriter
from lab.tracing.trace import TraceKind
from tests.lab.engine_host import Listener, question
from tests.lab.replay_engine import ReplayHost, ReplayRun

Start = Callable[..., EngineHost]


@pytest.fixture
def listener() -> Listener:
    return Listener()


class QuickHost(ReplayHost):
    """It tries again at once."""

    retry_pause_s = 0.01
    restart_pauses_s = (0.0, 0.01, 0.01)


class SlowRun(ReplayRun):
    """Its engine takes long steps."""

    step_s = 0.2


class SlowHost(QuickHost):
    run_class = SlowRun


@pytest.fixture
def start(listener: Listener) -> Iterator[Start]:
    """Start a host with changed settings, and wait until its engine is ready."""
    hosts: list[EngineHost] = []

    def start_host(
        host_class: type[EngineHost] = QuickHost,
        is_awaited: bool = True,
        **changes: Any,
    ) -> EngineHost:
        config = dataclasses.replace(EngineConfig.from_env(), **changes)
        hosts.append(host_class(config, listener))
        hosts[-1].start()
        if is_awaited:
            listener.wait_for(lambda: hosts[-1].status.state == "ready")
        return hosts[-1]

    yield start_host
    for host in hosts:
        host.stop()
        assert host.status.state == "stopped"


def ids_of(listener: Listener) -> set[str]:
    return {event.request_id for event in listener.events}


def has_tokens(listener: Listener, request_id: str) -> Callable[[], bool]:
    return lambda: any(
        event.request_id == request_id and event.num_output_tokens
        for event in listener.events
    )


def test_a_report_adds_up_with_the_events_before_it(
    start: Start, listener: Listener
) -> None:
    report = start().submit(question("r", "one two three", 20)).result(120)
    assert report.finish_reason == "length" and report.num_output_tokens == 20
    assert report.num_prompt_tokens == 3 and report.num_blocks >= 1
    assert len(report.text.split()) == 20 and report.error is None
    assert report.ttft_s is not None and report.e2el_s is not None
    assert 0 < report.ttft_s <= report.e2el_s
    events = [event for event in listener.events if event.request_id == "r"]
    assert events[-1].phase == "finished" and events[-1].report == report
    assert len({event.short_id for event in events}) == 1
    assert [r for r in listener.reports if r.request_id == "r"] == [report]


def test_a_request_that_outlasts_its_deadline_ends_in_the_engine_too(
    start: Start, listener: Listener
) -> None:
    host = start(SlowHost, request_deadline_s=1)
    report = host.submit(question("late", "why", 500)).result(120)
    assert report.finish_reason == "error"
    assert report.error == "Not finished within 1 s, the limit here."
    mirror = listener.mirror
    assert mirror is not None
    listener.wait_for(lambda: report.short_id not in mirror.requests)


def test_the_hosts_end_interrupts_running_and_waiting_requests(
    start: Start, listener: Listener
) -> None:
    host = start(SlowHost)
    futures = [host.submit(question(f"r{i}", "why", 500)) for i in range(5)]
    listener.wait_for(has_tokens(listener, "r0"))
    listener.wait_for(lambda: {f"r{i}" for i in range(5)} <= ids_of(listener))
    host.interrupt_all()
    reports = [future.result(120) for future in futures]
    assert {report.finish_reason for report in reports} == {"interrupted"}
    sentence = "The engine host stopped while it answered: ask again."
    assert {report.error for report in reports} == {sentence}


def test_what_its_learner_stopped_before_the_hosts_end_stays_aborted(
    start: Start, listener: Listener
) -> None:
    host = start(SlowHost)
    future = host.submit(question("r", "why", 500))
    listener.wait_for(has_tokens(listener, "r"))
    host.abort("r")
    host.interrupt_all()
    report = future.result(120)
    assert (report.finish_reason, report.error) == ("aborted", None)


def test_what_had_ended_before_the_hosts_end_stays_as_it_ended(
    start: Start, listener: Listener
) -> None:
    host = start()
    report = host.submit(question("r", "why", 3)).result(120)
    host.interrupt_all()
    assert report.finish_reason == "length"
    assert [told for told in listener.reports if told.request_id == "r"] == [report]


def test_a_dead_engine_is_told_started_again_and_answers(
    start: Start, listener: Listener
) -> None:
    host = start()
    first_run = host.status.engine_run
    run = host.run
    assert run is not None
    run.llm.errored = True
    listener.wait_for(
        lambda: host.status.state == "ready" and host.status.engine_run > first_run
    )
    assert "restarting" in [status.state for status in listener.statuses]
    assert host.submit(question("r", "why", 3)).result(120).finish_reason == "length"
    assert listener.runs == [first_run, host.status.engine_run]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (EngineUnavailable("vLLM cannot run on this machine."), "unavailable"),
        (SettingError("The KV cache has room for 3 blocks."), "failed"),
        (RuntimeError("no  memory\nleft."), "failed"),
    ],
)
def test_an_engine_that_cannot_start_says_why_to_whoever_asks(
    start: Start, error: Exception, state: str
) -> None:
    class FailingRun(ReplayRun):
        async def start(self) -> None:
            raise error

    class FailingHost(QuickHost):
        run_class = FailingRun

    host = start(FailingHost, is_awaited=False)
    future = host.submit(question("r", "why", 3))
    report = future.result(120)
    assert report.finish_reason == "error" and host.status.state == state
    sentence = " ".join(str(error).split()).rstrip(".")
    assert report.error and report.error.startswith(sentence)
    assert host.status.reason and host.status.reason.startswith(sentence)


class NoCard(EngineUnavailable):
    """A kind of EngineUnavailable, under a name of its own."""


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoCard("No card is free."), "No card is free."),
        (ValueError("A token is out of range."), "A token is out of range."),
        (KeyError("row"), "The engine refused this request: 'row'."),
    ],
)
def test_what_the_engine_refuses_is_told_in_its_own_words_where_they_are_a_sentence(
    start: Start, error: Exception, sentence: str
) -> None:
    class Refusing:
        errored = False

        async def generate(self, *_: Any) -> AsyncIterator[Any]:
            raise error
            yield

    host = start()
    run = host.run
    assert run is not None
    engine, run.llm = run.llm, Refusing()
    report = host.submit(question("r", "why", 3)).result(120)
    run.llm = engine
    assert (report.finish_reason, report.error) == ("error", sentence)


def test_a_record_that_cannot_be_read_is_made_up_for_by_a_snapshot(
    start: Start, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    host = start()
    run = host.run
    assert run is not None
    writer: TapWriter = run.llm._tap
    with caplog.at_level(logging.ERROR):
        writer.write(array("I", [3, 0xFFFF, 7]).tobytes())
        listener.wait_for(lambda: "A look at the tap failed" in caplog.text)
    report = host.submit(question("r", "why", 5)).result(120)
    assert report.finish_reason == "length" and report.num_blocks >= 1


class TornListener(Listener):
    """Cannot look any more while "r" is answered."""

    num_failed = 0

    def on_poll(self, mirror: PoolMirror | None) -> None:
        if has_tokens(self, "r")() and not self.reports:
            self.num_failed += 1
            raise OSError("the ring is torn")
        super().on_poll(mirror)


@pytest.mark.parametrize("listener", [TornListener()])
def test_an_answer_ends_well_though_the_last_look_at_the_tap_fails(
    start: Start, listener: TornListener
) -> None:
    host = start()
    report = host.submit(question("r", "one two three", 20)).result(120)
    assert report.finish_reason == "length" and report.error is None
    assert listener.num_failed > 0, "no look failed: nothing was shown"


def test_a_gap_in_the_sequence_heals_by_a_snapshot(
    start: Start, listener: Listener
) -> None:
    host = start()
    run = host.run
    assert run is not None
    run.llm._sequence += 1  # a record that never arrived
    report = host.submit(question("r", "why", 20)).result(120)
    assert report.finish_reason == "length" and report.num_blocks >= 1
    kinds = [trace.header.kind for trace in listener.traces]
    assert kinds.count(TraceKind.SNAPSHOT) >= 2


def test_a_lapped_tap_heals_by_a_snapshot(start: Start, listener: Listener) -> None:
    host = start()
    run, mirror = host.run, host.mirror
    assert run is not None and mirror is not None
    run.tap._position -= run.tap._capacity + 1  # as if it had not looked for long
    listener.wait_for(lambda: run.tap.num_laps == 1)
    report = host.submit(question("r", "why", 20)).result(120)
    assert report.finish_reason == "length"
    engine = run.llm
    listener.wait_for(lambda: not mirror.requests and not engine._mirror.requests)
    assert (mirror.ref_cnt == engine._mirror.ref_cnt).all()
    assert (mirror.has_hash == engine._mirror.has_hash).all()


def test_the_way_of_a_request_is_logged_by_its_log_id_and_without_text(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    request = question("r" * 32, "A secret question", 5)
    request = dataclasses.replace(request, log_id="page-7")
    with caplog.at_level(logging.INFO, logger="lab.engine"):
        report = start().submit(request).result(120)
    lines = [r for r in caplog.records if getattr(r, "log_id", "") == "page-7"]
    events = ["request accepted", "first token", "finished"]
    assert [line.getMessage() for line in lines] == events
    everything = "".join(str(vars(line)) for line in lines)
    assert "secret" not in everything and report.text not in everything
    assert lines[-1].finish_reason == "length"


def test_a_start_tells_how_long_the_last_one_took(
    start: Start, listener: Listener
) -> None:
    start()
    listener.statuses.clear()
    second = start()
    starting = [s for s in listener.statuses if s.state == "starting" and s.started_at]
    assert starting and starting[-1].expected_start_s is not None
    assert second.status.expected_start_s == starting[-1].expected_start_s


def test_an_engine_that_is_to_start_again_does_so_and_serves(
    start: Start, listener: Listener
) -> None:
    host = start()
    first = host.status.engine_run
    host.restart()
    listener.wait_for(
        lambda: host.status.state == "ready" and host.status.engine_run > first
    )
    reasons = {s.reason for s in listener.statuses if s.state == "restarting"}
    assert any(reason and "asked" in reason for reason in reasons)
    report = host.submit(question("again", "why", 5)).result(120)
    assert report.finish_reason == "length"


def test_a_restart_ends_what_is_under_way_and_says_why(
    start: Start, listener: Listener
) -> None:
    host = start(SlowHost)
    under_way = host.submit(question("r", "why", 500))
    listener.wait_for(has_tokens(listener, "r"))
    host.restart("A teacher starts it again. Ask again.")
    report = under_way.result(120)
    assert report.finish_reason == "interrupted"
    assert report.error == "A teacher starts it again. Ask again."
    assert report.num_output_tokens > 0, "what came is kept"
    listener.wait_for(lambda: host.status.state == "ready")


def test_clearing_the_queue_ends_what_waits_and_what_has_not_come_yet(
    start: Start, listener: Listener
) -> None:
    host = start(SlowHost, is_awaited=False)
    waits = host.submit(question("waits", "why", 5))
    host.clear_queue(["waits", "comes"])
    comes = host.submit(question("comes", "why", 5))
    for future in (waits, comes):
        report = future.result(120)
        assert report.finish_reason == "interrupted"
        assert report.error.startswith("Course staff cleared the queue")
    listener.wait_for(lambda: host.status.state == "ready")
    runs = host.submit(question("runs", "why", 6))
    listener.wait_for(has_tokens(listener, "runs"))
    host.clear_queue([])
    assert runs.result(120).finish_reason == "length", "what runs goes on"
