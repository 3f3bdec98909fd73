"""With the recorded settings a rehearsal gives the recorded blocks, id for id."""

import pytest

from lab.rehearsal.settings import WhatIf
from tests.lab.rehearsal.made_recordings import SETTINGS, Engine, traffic

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

LEAST_COMPARED = 50_000
ENGINES = {
    "one step at a time": SETTINGS,
    "by priority": SETTINGS._replace(is_by_priority=1),
    "two steps in flight": SETTINGS._replace(is_async=1, steps_in_flight=2),
    "two in flight, v2": SETTINGS._replace(
        is_async=1, steps_in_flight=2, has_v2_runner=1, is_by_priority=1
    ),
    "no prefix cache": SETTINGS._replace(has_prefix_caching=0),
}


@pytest.mark.parametrize("asks_at", [0, 400], ids=["from the start", "in the middle"])
@pytest.mark.parametrize("settings", ENGINES.values(), ids=ENGINES)
def test_the_recorded_settings_give_the_recorded_blocks(settings, asks_at) -> None:
    from lab.rehearsal.result import run

    engine = Engine(settings, traffic(7, 1500), asks_at=asks_at)
    recording = engine.record(1900)

    result = run(recording, WhatIf())

    assert result.check.first == ""
    assert result.check.num_differing == 0
    assert result.check.num_compared >= LEAST_COMPARED
    assert result.would_have == result.happened
    assert result.happened.num_preemptions > 20
    assert result.happened.num_evictions > 100 or not settings.has_prefix_caching
    assert result.happened.num_hit_tokens > 1000 or not settings.has_prefix_caching
