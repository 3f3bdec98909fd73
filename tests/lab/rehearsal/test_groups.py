"""A rehearsal of models with KV-cache groups: block for block as recorded."""

import pytest

from lab.rehearsal.figures import compare
from lab.rehearsal.settings import WhatIf, WhatIfRefused
from lab.tracing.groups import GroupKind
from lab.tracing.replay_notes import (
    ReplayGroup,
    Section,
    decode_note,
    encode_note,
    settings_words,
)
from tests.lab.rehearsal.made_recordings import SETTINGS, Engine, traffic
from tests.lab.rehearsal.test_other_settings import TURNS, busy, know_ends

FULL, WINDOW, CHUNK, STATE = list(GroupKind)[:4]
LEAST_COMPARED = 50_000
FULL_16 = ReplayGroup(FULL, 16, 0, 0, 0)
WINDOW_64 = ReplayGroup(WINDOW, 16, 64, 0, 1)
STATES = ReplayGroup(STATE, 16, 0, 2, 1)
TWO_IN_FLIGHT = {"is_async": 1, "steps_in_flight": 2}
OF_GROUPS = SETTINGS._replace(num_blocks=60, hash_block_size=16)
ENGINES = {
    "a window": OF_GROUPS._replace(groups=(FULL_16, WINDOW_64), **TWO_IN_FLIGHT),
    "states": OF_GROUPS._replace(groups=(FULL_16, STATES), num_blocks=44),
    "states, two in flight": OF_GROUPS._replace(
        groups=(FULL_16, STATES), num_blocks=44, **TWO_IN_FLIGHT
    ),
    "blocks of two sizes": OF_GROUPS._replace(
        block_size=32,
        groups=(ReplayGroup(FULL, 32, 0, 0, 0), WINDOW_64),
        num_blocks=44,
    ),
    "chunks alone": OF_GROUPS._replace(
        groups=(ReplayGroup(CHUNK, 16, 64, 0, 0),), num_blocks=32
    ),
    "three kinds": OF_GROUPS._replace(
        groups=(FULL_16, WINDOW_64, STATES._replace(alike=2)), num_blocks=66
    ),
}
NOT_HERE = {
    "block_size": "KV-cache groups, and vLLM derives their sizes",
    "has_prefix_caching": "keeps this model’s states in other blocks",
    "num_blocks": "19 to 131,072 can",
}
OTHERS = (
    WhatIf(num_blocks=90),
    WhatIf(max_num_seqs=2),
    WhatIf(max_num_batched_tokens=160),
)
IN_THE_MIDDLE = {"a window", "states, two in flight", "three kinds"}


@pytest.mark.engine
@pytest.mark.scheduler
@pytest.mark.parametrize("name", ENGINES)
def test_the_recorded_settings_give_the_recorded_blocks(name: str) -> None:
    from lab.rehearsal.result import run

    settings = ENGINES[name]
    asks_at = 400 if name in IN_THE_MIDDLE else 0
    engine = Engine(settings, traffic(7, 1500), asks_at=asks_at)
    recording = engine.record(1900)

    result = run(recording, WhatIf())

    assert result.recorded == settings
    assert result.check.first == ""
    assert result.check.num_differing == 0
    assert result.check.num_compared >= LEAST_COMPARED
    assert result.would_have == result.happened
    assert result.happened.num_evictions > 100
    assert result.happened.num_hit_tokens > 1000


@pytest.mark.parametrize("name", ENGINES)
def test_the_groups_are_in_the_recording(name: str) -> None:
    settings = ENGINES[name]
    record = encode_note(1, [(Section.SETTINGS, settings_words(settings))])
    assert decode_note(record).settings == settings
    assert len(settings_words(SETTINGS)) == len(SETTINGS) - 2


@pytest.mark.parametrize("setting", NOT_HERE)
def test_what_such_a_model_cannot_change_is_refused_with_a_sentence(
    setting: str,
) -> None:
    changed = {"block_size": 32, "has_prefix_caching": False, "num_blocks": 18}
    wanted = WhatIf(**{setting: changed[setting]})
    with pytest.raises(WhatIfRefused, match=NOT_HERE[setting]):
        wanted.of(ENGINES["states"])


def test_a_window_may_be_without_a_prefix_cache() -> None:
    wanted = WhatIf(has_prefix_caching=False).of(ENGINES["a window"])
    assert wanted.groups == ENGINES["a window"].groups


@pytest.mark.engine
@pytest.mark.scheduler
@pytest.mark.parametrize("name", ["a window", "states"])
def test_it_is_what_a_scheduler_under_other_settings_does(name: str) -> None:
    """With the same tokens, step by step."""
    from lab.rehearsal.drive import rehearse
    from lab.rehearsal.script import script_of

    recorded = ENGINES[name]
    recording = Engine(recorded, busy()).record(TURNS)
    for what_if in OTHERS:
        script = script_of(recording)
        settings = what_if.of(script.settings)
        real = Engine(settings, busy()).record(TURNS)
        know_ends(script, real)

        rehearsed = rehearse(script, settings)

        told = list(real.traces())
        found = compare(told, rehearsed, settings.num_blocks, settings.block_size)
        assert found.first == "", what_if
        assert found.num_compared > 5_000
