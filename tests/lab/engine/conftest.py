"""One real engine for the tests of this folder that say nothing else: four seats, so
that a line forms soon."""

from collections.abc import Iterator

import pytest

from lab.engine.host import EngineHost
from tests.lab import engine_host
from tests.lab.engine_host import Listener


@pytest.fixture(scope="package")
def listener() -> Listener:
    """What the engine tells."""
    return Listener()


@pytest.fixture(scope="package")
def host(listener: Listener) -> Iterator[EngineHost]:
    """Ready for each test: who ends the engine waits until it is there again."""
    started = engine_host.start(listener, max_concurrent_requests=4)
    yield started
    started.stop()
