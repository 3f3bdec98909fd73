"""An engine host that runs for days keeps no more than one that runs for minutes."""

import pytest

from lab.engine.generation import GenerationRequest
from lab.engine.prompts import Prompts
from lab.engine.waiting import WaitingLine
from lab.recordings import limits
from lab.tracing.chronicle import MOMENT_NS, Chronicle
from lab.tracing.frames import FrameEncoder
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode
from lab.worker.last_minute import LastMinute
from tests.held_objects import num_held
from tests.lab.step_traces import Traffic


class Host:
    """What of a host is fed with traces, with a clock that goes with them."""

    def __init__(self, arrivals_per_step: float) -> None:
        self.traffic = Traffic(arrivals_per_step=arrivals_per_step)
        size = self.traffic.num_blocks, self.traffic.block_size
        self.mirror = PoolMirror(*size)
        self.encoder = FrameEncoder("host-a", 1, *size, self.mirror)
        self.chronicle = Chronicle(size[0])
        self.line = WaitingLine(8, 48, clock=self.clock)
        self.prompts = Prompts()
        self.wants_snapshot = True
        self.last_minute = LastMinute(self.ask_snapshot, self.clock)
        self.known: set[int] = set()

    @property
    def parts(self) -> tuple[object, ...]:
        """But for the last minute, which depends on when it is looked at."""
        return (
            self.mirror, self.encoder, self.chronicle, self.line._lengths,
            self.line._waits, self.prompts,
        )  # fmt: skip

    def clock(self) -> float:
        return self.traffic.stamp_ns / 1e9

    def ask_snapshot(self) -> None:
        self.wants_snapshot = True

    def run(self, num_steps: int, lose_every: int = 0) -> None:
        for step in range(1, num_steps + 1):
            if self.wants_snapshot:
                self.wants_snapshot = False
                self._take(self.traffic.snapshot())
            records = self.traffic.step()
            if lose_every and step % lose_every == 0:
                self.wants_snapshot = True
                continue
            for record in records:
                self._take(record)
            self.line.look(self.mirror)
            if step % 3 == 0:
                self.encoder.next_frame()

    def _take(self, record: bytes) -> None:
        trace = decode(record)
        if not self.mirror.follows(trace):
            self.wants_snapshot = True
            return
        finished = self.mirror.apply(trace)
        for short_id in set(self.mirror.requests) - self.known:
            self.known.add(short_id)
            request = GenerationRequest.from_payload(
                {"request_id": f"{short_id:032x}", "messages": [{"role": "user",
                 "content": "x"}], "max_tokens": 20}
            )  # fmt: skip
            self.line.join(short_id, request)
            self.prompts.add(short_id, [1] * 20, None, request.request_id)
        self.line.note(trace, finished)
        for short_id in self.known - set(self.mirror.requests):
            self.line.leave(short_id)
        self.known &= set(self.mirror.requests)
        self.encoder.note(trace, finished)
        self.chronicle.note(trace, finished, self.mirror)
        self.last_minute.on_trace(record, trace)


@pytest.mark.parametrize("lose_every", [0, 40])
def test_more_traffic_leaves_no_more_behind(lose_every: int) -> None:
    host = Host(arrivals_per_step=0.5)
    host.run(2_000, lose_every)
    before = num_held(*host.parts, without=(host, host.traffic))
    host.run(4_000, lose_every)
    assert num_held(*host.parts, without=(host, host.traffic)) < 1.1 * before


def test_a_forecast_goes_with_who_left_the_queue_unseen() -> None:
    host = Host(arrivals_per_step=0.5)
    host.run(2_000, lose_every=20)
    assert host.line._forecast._forecast.keys() <= set(host.mirror.waiting)


def test_of_the_last_minute_no_more_than_two_are_kept() -> None:
    host = Host(arrivals_per_step=0.5)
    most = 0
    for _ in range(30):
        host.run(200)
        stretches = host.last_minute._stretches
        most = max(most, sum(one.num_traces for one in stretches))
    a_minute = 60e9 / host.traffic.step_ns * 2
    assert a_minute <= most <= 2.1 * a_minute
    assert most < limits.MAX_TRACES // 2


def test_a_quick_engine_has_no_more_moments_than_a_minute_has_room_for() -> None:
    host = Host(arrivals_per_step=0.5)
    host.traffic.step_ns = 1_000_000
    host.run(3_000)
    moments = host.chronicle.moments
    assert sum(one.num_steps for one in moments) == 3_000
    lasted_ns = moments[-1].stamp_ns - moments[0].stamp_ns
    assert len(moments) < 2 * lasted_ns / MOMENT_NS
