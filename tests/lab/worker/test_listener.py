"""EngineListener without Celery: which frames it sends, and when it holds back."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from lab.engine.tap_look import BUSY_POLL_S, BUSY_RUNNING
from lab.messages import EngineStatus, MemorySample
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode
from lab.worker import listener
from lab.worker.listener import EngineListener
from lab.worker.metrics import Family
from tests.lab.step_traces import Traffic


class Outlet:
    """Stands for the Publisher: keeps what it is given, and may be full."""

    def __init__(self, *_: Any) -> None:
        self.has_room = True
        self.frames: list[tuple[int, int, bool]] = []
        self.statuses: list[EngineStatus] = []
        self.families: list[dict[str, Family]] = []

    async def run(self) -> None:
        """Nothing to drain."""

    def frame(self, host: str, run: int, seq: int, is_key: bool, frame: bytes) -> None:
        assert host == "host-a" and frame.startswith(b"SVLF")
        self.frames.append((run, seq, is_key))

    def status(self, status: EngineStatus) -> None:
        self.statuses.append(status)

    def memory(self, sample: MemorySample) -> None:
        """Not looked at here."""

    def recording(self, recording_id: str, file: bytes, sentence: str) -> None:
        """Nothing is recorded here."""

    def metrics(self, host: str, families: list[Family]) -> None:
        assert host == "host-a"
        self.families.append({family["name"]: family for family in families})


@dataclasses.dataclass
class Run:
    """What the listener wants to know of an EngineRun."""

    number: int
    num_blocks: int
    block_size: int


class Bench:
    """A listener with made-up traffic and a clock that a test moves."""

    def __init__(self, engine_listener: EngineListener, outlet: Outlet) -> None:
        self.listener, self.outlet = engine_listener, outlet
        self.now = 1_000.0

    def start_engine(self, number: int = 1, **traffic: Any) -> None:
        self.traffic = Traffic(seed=number, **traffic)
        self.mirror = PoolMirror(self.traffic.num_blocks, self.traffic.block_size)
        run = Run(number, self.traffic.num_blocks, self.traffic.block_size)
        self.listener.on_engine_start(run, self.mirror)  # type: ignore[arg-type]
        self._tell(self.traffic.snapshot())

    @property
    def num_running(self) -> int:
        return self.mirror.header.num_running if self.mirror.header else 0

    def step(self) -> None:
        for record in self.traffic.step():
            self._tell(record)

    def _tell(self, record: bytes) -> None:
        trace = decode(record)
        self.listener.on_trace(record, trace, self.mirror.apply(trace))

    async def poll(self, after_s: float = 0.0) -> list[tuple[int, int, bool]]:
        """Frames of one look at the tap: (engine run, seq, is a keyframe)."""
        self.now += after_s
        self.outlet.frames.clear()
        self.listener.on_poll(None)
        return list(self.outlet.frames)


@pytest.fixture
def bench() -> Iterator[Bench]:
    config = dataclasses.replace(
        EngineConfig.from_env(), engine_host_id="host-a", frames_per_s=20
    )
    made = EngineListener(
        config,
        publisher_class=Outlet,  # type: ignore[arg-type]
        clock=lambda: bench.now,
    )
    bench = Bench(made, made.publisher)  # type: ignore[arg-type]
    yield bench
    made.host.loop.close()


async def test_an_engine_run_begins_with_a_keyframe_and_goes_on_with_deltas(
    bench: Bench,
) -> None:
    assert await bench.poll() == []
    bench.start_engine(7)
    assert await bench.poll() == [(7, 1, True)]
    bench.step()
    assert await bench.poll(0.06) == [(7, 2, False)]


async def test_every_five_seconds_the_pool_is_told_as_metrics(bench: Bench) -> None:
    bench.start_engine()
    for _ in range(12):
        bench.step()
    for _ in range(6):
        bench.now += 1.0
        bench.listener.on_poll(bench.mirror)
    assert len(bench.outlet.families) == 2
    told = bench.outlet.families[-1]
    values = {
        name: told[f"servelab_{name}"]["samples"][0][2]
        for name in ("kv_blocks", "kv_blocks_used", "requests_running")
    }
    header = bench.mirror.header
    assert header is not None and values["requests_running"] == header.num_running > 0
    assert values["kv_blocks"] == bench.mirror.num_blocks - 1
    held = values["kv_blocks"] - header.num_free_blocks
    assert values["kv_blocks_used"] == held > 0


async def test_no_more_frames_a_second_than_are_set_and_the_changes_add_up(
    bench: Bench,
) -> None:
    bench.start_engine()
    await bench.poll()
    for _ in range(4):
        bench.step()
        assert await bench.poll(0.01) == []
    bench.step()
    assert await bench.poll(0.011) == [(1, 2, False)]


async def _make_busy(bench: Bench) -> None:
    bench.start_engine(max_running=16, arrivals_per_step=4.0, num_blocks=2_000)
    while bench.num_running < BUSY_RUNNING:
        bench.step()
    await bench.poll()


async def test_a_busy_cpu_engine_keeps_its_cores_and_sends_fewer_frames(
    bench: Bench,
) -> None:
    await _make_busy(bench)
    bench.step()
    assert await bench.poll(0.06) == []
    assert len(await bench.poll(0.07)) == 1


async def test_a_busy_engines_frames_keep_their_number_between_rare_looks(
    bench: Bench,
) -> None:
    await _make_busy(bench)
    num_frames = 0
    for _ in range(round(10 / BUSY_POLL_S)):
        bench.step()
        num_frames += len(await bench.poll(BUSY_POLL_S))
    most = 10 * listener.BUSY_FRAMES_PER_S
    assert most - 2 <= num_frames <= most


async def test_an_idle_engine_sends_only_a_keyframe_now_and_then(bench: Bench) -> None:
    bench.start_engine()
    await bench.poll()
    assert await bench.poll(3.0) == []
    (frame,) = await bench.poll(listener.IDLE_KEYFRAME_EVERY_S)
    assert frame == (1, 2, True)


async def test_a_busy_engine_repeats_a_keyframe_every_two_seconds(bench: Bench) -> None:
    bench.start_engine()
    await bench.poll()
    kinds = []
    for _ in range(100):
        bench.step()
        kinds += [is_key for _, _, is_key in await bench.poll(0.05)]
    assert 2 <= sum(kinds) <= 3 and len(kinds) >= 90


async def test_a_keyframe_that_is_asked_for_comes_next(bench: Bench) -> None:
    bench.start_engine()
    await bench.poll()
    bench.listener.ask_keyframe()
    assert await bench.poll(0.06) == [(1, 2, True)]
    assert await bench.poll(0.06) == []


async def test_while_redis_is_away_frames_are_not_made_in_vain(bench: Bench) -> None:
    bench.start_engine()
    await bench.poll()
    bench.outlet.has_room = False
    made = []
    for _ in range(60):  # three seconds
        bench.step()
        made += await bench.poll(0.05)
        bench.listener.ask_keyframe()  # as the publisher does for each that it drops
    assert len(made) == 1, "one now and then, so that changes do not pile up"
    bench.outlet.has_room = True
    bench.step()
    ((_, _, is_key),) = await bench.poll(0.06)
    assert is_key


async def test_a_status_is_sent_when_viewers_would_see_a_difference(
    bench: Bench,
) -> None:
    ready = EngineStatus("host-a", "ready", 1.0)
    bench.listener.on_status(ready)
    bench.listener.on_status(dataclasses.replace(ready, updated_at=2.0))
    assert len(bench.outlet.statuses) == 1
    failed = dataclasses.replace(ready, state="failed", reason="No memory.")
    bench.listener.on_status(failed)
    assert bench.outlet.statuses[-1].reason == "No memory."
    bench.now += listener.STATUS_EVERY_S
    bench.listener.on_status(dataclasses.replace(failed, updated_at=9.0))
    assert [status.updated_at for status in bench.outlet.statuses] == [1.0, 1.0, 9.0]
