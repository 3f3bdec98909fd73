"""The fake engine of whatever goes through the line for a second one."""

from collections.abc import Iterator

import pytest

from lab import client
from lab.second import line, visit
from tests.lab.fake_engine import READY, FakeEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """One that is ready, and a line that nobody stands in."""
    monkeypatch.setattr(visit, "LOOK_S", 0.02)
    fake = FakeEngine(READY)
    with client.transport(fake):
        yield fake
    with line.server() as server:
        for key in server.scan_iter(match="lab:second:*"):
            server.delete(key)
