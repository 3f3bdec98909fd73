"""The tap is looked at less often while a CPU engine's cores are all taken."""

import dataclasses
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from lab.engine.state import HostState
from lab.engine.tap_look import BUSY_POLL_S, BUSY_RUNNING, POLL_S, TapLook
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode
from tests.lab.engine_host import Listener
from tests.lab.step_traces import Traffic

NOBODY: Any = None


def look_of(device: str, num_running: int | None) -> TapLook:
    config = dataclasses.replace(EngineConfig.from_env(), device=device)
    state = HostState(config, Listener())
    if num_running is not None:
        traffic = Traffic()
        state.mirror = PoolMirror(traffic.num_blocks, traffic.block_size)
        state.mirror.apply(decode(traffic.snapshot()))
        header = state.mirror.header
        assert header is not None
        state.mirror.header = header._replace(num_running=num_running)
    return TapLook(state, NOBODY, 1.0)


@pytest.mark.parametrize(
    ("device", "num_running", "pause_s"),
    [
        ("cpu", None, POLL_S),
        ("cpu", BUSY_RUNNING - 1, POLL_S),
        ("cpu", BUSY_RUNNING, BUSY_POLL_S),
        ("cuda", BUSY_RUNNING, POLL_S),
    ],
)
def test_only_a_busy_cpu_engine_is_looked_at_less_often(
    device: str, num_running: int | None, pause_s: float
) -> None:
    assert look_of(device, num_running).pause_s == pause_s
