"""What runs beside the engine has its time, whatever the machine's clock says."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.engine.config import EngineConfig
from lab.second.line import Turn
from lab.worker.beside import Beside, Process


class Wanted(Turn):
    """A turn whose learner looks at it."""

    def __init__(self) -> None:
        """In no line."""

    def is_wanted(self) -> bool:
        return True

    def keep(self) -> bool:
        return True


@pytest.fixture
def process() -> Iterator[Process]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def beside(seconds: int) -> Beside:
    config = replace(EngineConfig.from_env(), second_time_s=seconds)
    return Beside(replace(config, second_memory_mb=1 << 20))


def test_a_clock_set_forward_or_back_changes_nothing(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, real = beside(600), time.time
    deadline = one.deadline
    for jump_s in (3_600.0, -3_600.0):
        monkeypatch.setattr(time, "time", lambda by_s=jump_s: real() + by_s)
        assert one.why_end(process, Wanted(), deadline) == ""
    over = beside(0)
    assert "Its time is up" in over.why_end(process, Wanted(), over.deadline)
