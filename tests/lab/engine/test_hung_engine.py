"""A core that lives and does not answer; a start longer than the deadline."""

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.engine import leftovers, pulse
from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.engine.pulse import Pulse
from tests.lab.engine_host import Listener, question
from tests.lab.replay_engine import ReplayHost, ReplayRun


class HangingRun(ReplayRun):
    """Its step loop stops when it is told to, as by SIGSTOP."""

    hangs = False
    killed: asyncio.Event

    async def start(self) -> None:
        self.killed = asyncio.Event()
        await super().start()

    async def beat(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()

    async def stream(self, *args: Any, **more: Any) -> AsyncIterator[Any]:
        if self.hangs:
            await self.killed.wait()
            raise RuntimeError("the engine is dead")
        async for output in super().stream(*args, **more):
            yield output

    def kill(self) -> None:
        asyncio.run_coroutine_threadsafe(self._die(), self.loop)

    async def _die(self) -> None:
        self.llm.errored = True
        self.killed.set()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = self.llm._loop
        return loop


class HangingHost(ReplayHost):
    run_class = HangingRun
    restart_pauses_s = (0.0, 0.01, 0.01)


class SlowStart(ReplayRun):
    async def start(self) -> None:
        await asyncio.sleep(1.5)
        await super().start()


class SlowStartHost(ReplayHost):
    run_class = SlowStart


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def host(listener: Listener) -> Iterator[EngineHost]:
    config = dataclasses.replace(EngineConfig.from_env(), hung_s=15)
    host = HangingHost(config, listener)
    host.start()
    listener.wait_for(lambda: host.status.state == "ready")
    yield host
    host.stop()


@pytest.mark.slow
def test_a_hung_engine_is_said_ended_and_started_again(
    host: EngineHost, listener: Listener
) -> None:
    run = host.run
    assert isinstance(run, HangingRun)
    run.hangs = True
    future = host.submit(question("r", "why", 50))
    listener.wait_for(lambda: host.status.state == "not answering", 120)
    assert host.status.reason == (
        "The engine has not answered for 10 s. After 15 s it is ended and started "
        "again."
    )
    report = future.result(120)
    assert report.finish_reason == "error"
    assert report.error == (
        "The engine did not answer for 15 s and was ended; it starts again by itself: "
        "ask again."
    )
    listener.wait_for(lambda: host.run is not run and host.status.state == "ready")
    assert host.submit(question("s", "why", 5)).result(120).finish_reason == "length"


def test_an_engine_that_was_frozen_for_a_while_is_ready_again(
    host: EngineHost,
) -> None:
    host._tell_silence(pulse.SILENT_S)
    assert host.status.state == "not answering"
    host._tell_silence(0.0)
    assert (host.status.state, host.status.reason) == ("ready", None)


def test_a_pulse_counts_while_it_waits_and_a_frozen_host_counts_little() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    async def beat_twice() -> tuple[float, float, float]:
        clock, answer = Clock(), asyncio.Event()
        one = Pulse(answer.wait, clock)
        await asyncio.sleep(0)
        for _ in range(4):
            clock.now += 0.5
            silent = one.look()
        clock.now += 60  # this process was stopped
        frozen = one.look()
        answer.set()
        await asyncio.sleep(0.01)
        answered = one.look()
        await one.end()
        return silent, frozen, answered

    assert asyncio.run(beat_twice()) == (2.0, 3.0, 0.0)


def test_the_deadline_does_not_count_the_engines_start(listener: Listener) -> None:
    config = dataclasses.replace(EngineConfig.from_env(), request_deadline_s=1)
    host = SlowStartHost(config, listener)
    host.start()
    try:
        report = host.submit(question("r", "why", 5)).result(120)
    finally:
        host.stop()
    assert (report.finish_reason, report.error) == ("length", None)


def test_what_killed_runs_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name in (f"servelab-{dead.pid}-x", f"servelab-{os.getpid()}-x", "other-1-x"):
        (tmp_path / name).mkdir()
    (tmp_path / f"__KMP_REGISTERED_LIB_{dead.pid}_0").write_text("")
    assert leftovers.clear(tmp_path) == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        f"servelab-{os.getpid()}-x",
        "other-1-x",
    }
