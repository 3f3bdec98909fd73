"""One real engine for the experiments' tests."""

from collections.abc import Iterator

import pytest

from lab.engine.host import EngineHost
from tests.lab import engine_host
from tests.lab.experiments.real_bench import Ear


@pytest.fixture(scope="session")
def ear() -> Ear:
    return Ear()


@pytest.fixture(scope="session")
def host(ear: Ear) -> Iterator[EngineHost]:
    started = engine_host.start(ear)
    yield started
    started.stop()
