"""vLLM's sleep mode as the host calls it. The CPU's worker keeps its memory; the calls,
the scheduler's pause and the first token after it are real."""

from dataclasses import replace

import pytest

from lab.engine.host import EngineHost
from lab.messages import EngineStatus, NapTiming
from tests.lab.engine_host import Listener, question

pytestmark = pytest.mark.engine


def naps_after(host: EngineHost, listener: Listener, level: int) -> list[NapTiming]:
    known, sizes = len(host.status.naps), iter([100, 30])
    host.nap(level, lambda: next(sizes, None))
    listener.wait_for(lambda: len(host.status.naps) > known)
    return host.status.naps[known:]


@pytest.mark.parametrize(("level", "reads_weights"), [(1, False), (2, True)])
def test_an_engine_sleeps_wakes_and_serves_again(
    host: EngineHost,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    level: int,
    reads_weights: bool,
) -> None:
    monkeypatch.setattr(host, "config", replace(host.config, can_sleep=True))
    (nap,) = naps_after(host, listener, level)
    assert nap.sleep_s is not None and nap.sleep_s > 0
    assert nap.wake_s is not None and nap.wake_s > 0
    assert (nap.level, nap.freed_bytes, nap.reads_weights) == (
        level,
        70,
        reads_weights,
    )
    report = host.submit(question(f"awake-{level}", "Say hello.", 5)).result(240)
    assert report.finish_reason in {"stop", "length"}
    told = EngineStatus.from_json(listener.statuses[-1].message())
    assert told.naps == host.status.naps


def test_one_that_was_started_without_it_says_so(
    host: EngineHost, listener: Listener
) -> None:
    assert naps_after(host, listener, 1) == [NapTiming(1)]
