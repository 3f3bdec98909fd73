"""One real engine for the experiments' tests, with a pool that is soon full."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from lab.engine.host import EngineHost
from tests.lab import engine_host
from tests.lab.experiments.real_bench import Ear


@pytest.fixture(scope="package")
def ear() -> Ear:
    return Ear()


@pytest.fixture(scope="package")
def host(ear: Ear) -> Iterator[EngineHost]:
    started = engine_host.start(ear, num_blocks=128, max_model_len=1_024)
    yield started
    started.stop()


@pytest.fixture
def cache_in_memory(settings):
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    }
    cache.clear()
    yield
    cache.clear()
