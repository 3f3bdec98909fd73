"""The bill of three runs of a real engine: prompt tokens, less cached tokens, less
those that a pool without an end would have computed, to the token."""

import pytest

from lab.recordings.reader import read_recording
from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror
from tests.lab.endless_pool import EndlessPool
from tests.lab.rehearsal import real_engine

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.mark.parametrize("traffic", real_engine.TRAFFIC)
def test_it_is_what_an_endless_pool_would_have_spared(traffic, tmp_path) -> None:
    path = real_engine.record(tmp_path / f"{traffic}.svlr", traffic)
    recording = read_recording(path)
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
