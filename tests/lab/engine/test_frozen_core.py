"""A real EngineCore that is stopped: noticed through its step loop, and replaced."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from lab.engine.host import EngineHost
from tests.lab import engine_host
from tests.lab.engine_host import READY_TIMEOUT_S, Listener, question

pytestmark = pytest.mark.engine
HUNG_S = 15


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def host(listener: Listener) -> Iterator[EngineHost]:
    started = engine_host.start(listener, hung_s=HUNG_S)
    yield started
    started.stop()


def core_of(host: EngineHost) -> psutil.Process:
    assert host.run is not None
    [core] = host.run.llm.engine_core.resources.engine_manager.processes
    return psutil.Process(core.pid)


def test_a_core_that_is_stopped_is_noticed_and_replaced(
    host: EngineHost, listener: Listener
) -> None:
    core, run = core_of(host), host.status.engine_run
    os.kill(core.pid, signal.SIGSTOP)
    future = host.submit(question("stopped", "Say hello.", 20))
    listener.wait_for(lambda: host.status.state == "not answering", 120)
    report = future.result(HUNG_S + 120)
    assert report.finish_reason == "error"
    assert "did not answer for 15 s and was ended" in (report.error or "")
    listener.wait_for(lambda: not core.is_running())
    listener.wait_for(
        lambda: host.status.engine_run > run and host.status.state == "ready",
        READY_TIMEOUT_S,
    )
    after = host.submit(question("after", "Say hello.", 5)).result(240)
    assert after.finish_reason in ("stop", "length")


def test_a_core_that_answers_again_in_time_goes_on(
    host: EngineHost, listener: Listener
) -> None:
    core, run = core_of(host), host.status.engine_run
    os.kill(core.pid, signal.SIGSTOP)
    listener.wait_for(lambda: host.status.state == "not answering", 120)
    os.kill(core.pid, signal.SIGCONT)
    listener.wait_for(lambda: host.status.state == "ready", 120)
    assert host.status.engine_run == run and host.status.reason is None
