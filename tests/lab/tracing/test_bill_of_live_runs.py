"""The bill of runs of a real engine: prompt tokens, less cached tokens, less those that
a pool without an end would have computed, to the token."""

from pathlib import Path

import pytest

from lab.recordings.reader import read_recording
from lab.rehearsal.settings import WhatIf
from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror
from tests.lab.endless_pool import EndlessPool
from tests.lab.rehearsal import real_engine

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ENDLESS = WhatIf(num_blocks=4_000)
NOBODY_PREEMPTED = ("overflow", "sharing", "crowds")
"""With blocks enough nobody is, so that only these have the same lookups then."""


@pytest.fixture(scope="module")
def recorded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run under this traffic."""
    path = tmp_path_factory.mktemp(request.param) / f"{request.param}.svlr"
    return real_engine.record(path, request.param)


@pytest.mark.parametrize("recorded", real_engine.TRAFFIC, indirect=True)
def test_it_is_what_an_endless_pool_would_have_spared(recorded) -> None:
    traffic = recorded.stem
    recording = read_recording(recorded)
    header = recording.header
    mirror = PoolMirror(header.num_blocks, header.block_size)
    ledger, pool = Ledger(), EndlessPool(header.block_size)
    texts = real_engine.texts(traffic)
    for trace in recording.traces():
        assert mirror.follows(trace)
        mirror.apply(trace)
        ledger.note(trace, mirror)
        pool.take(trace, texts)
    bill, last = ledger.bill(), mirror.header
    assert last is not None
    num_prompt_tokens, num_cached_tokens = (
        last.prefix_query_tokens,
        last.prefix_hit_tokens,
    )
    num_endless_computes = num_prompt_tokens - pool.num_true
    assert bill.num_again_tokens == (
        num_prompt_tokens - num_cached_tokens - num_endless_computes
    )
    assert pool.num_told == pool.num_true
    assert (bill.num_tokens, bill.num_hit_tokens) == (
        num_prompt_tokens,
        num_cached_tokens,
    )
    assert bill.num_again_tokens > 0 and last.num_evictions > 0
    assert (last.num_preemptions > 0) == (traffic == "mixed")
    assert traffic == "overflow" or num_cached_tokens > 0


@pytest.mark.parametrize("recorded", NOBODY_PREEMPTED, indirect=True)
def test_live_it_is_what_vllm_spares_with_blocks_without_an_end(recorded) -> None:
    """Followed while the engine ran, against vLLM's own scheduler with the same
    arrivals and blocks enough for all; the engine's figures are its client's."""
    from lab.rehearsal.drive import rehearse
    from lab.rehearsal.script import script_of

    script = script_of(read_recording(recorded))
    endless = rehearse(script, ENDLESS.of(script.settings))[-1].header
    live = real_engine.told_live(recorded)
    assert endless.num_evictions == 0
    assert endless.prefix_query_tokens == live["num_prompt_tokens"]
    num_endless_computes = endless.prefix_query_tokens - endless.prefix_hit_tokens
    assert live["num_again_tokens"] == (
        live["num_prompt_tokens"] - live["num_cached_tokens"] - num_endless_computes
    )
    assert live["num_again_tokens"] > 300
