"""Hits and age of each cached block, held against vLLM's own hashes."""

import random
from collections import Counter
from pathlib import Path

import pytest

from lab.tracing.heat import heat_of
from lab.tracing.notes import LookedUp, notes_of
from tests.lab.driven_scheduler import Driven

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]


@pytest.fixture
def driven(tmp_path: Path):
    made = Driven(tmp_path)
    yield made
    made.close()


class Hashes:
    """Hits and last use of each hash, as vLLM's pool and its requests have them."""

    def __init__(self, driven: Driven) -> None:
        self._scheduler = driven.scheduler
        self._pool = driven.scheduler.kv_cache_manager.block_pool
        self._size = driven.block_size
        self._held: dict[int, bytes] = {}
        self.hits: Counter[bytes] = Counter()
        self.last: dict[bytes, int] = {}

    def take(self, traces: list, requests: dict) -> None:
        for trace in traces:
            step = trace.header.step
            for note in notes_of(trace):
                if isinstance(note, LookedUp):
                    hit = note.num_hit_tokens // self._size
                    for one in requests[note.short_id].block_hashes[:hit]:
                        self.hits[bytes(one)] += 1
                        self.last[bytes(one)] = step
        held = self.held()
        for block_id, block_hash in held.items():
            if self._held.get(block_id) != block_hash:
                self.last[block_hash] = traces[-1].header.step
        self._held = held

    def held(self) -> dict[int, bytes]:
        from vllm.v1.core.kv_cache_utils import get_block_hash

        return {
            block.block_id: bytes(get_block_hash(block.block_hash))
            for block in self._pool.blocks
            if block.block_hash is not None
        }


def test_it_is_what_vllm_did_with_each_block(driven: Driven) -> None:
    draw = random.Random(4)
    roots = [[draw.randrange(1000) for _ in range(64)] for _ in range(3)]
    hashes = Hashes(driven)
    requests: dict = {}
    known: dict[int, tuple[int, int]] = {}
    asked, num_compared = 0, 0
    for turn in range(260):
        if turn % 4 == 0:
            tail = [draw.randrange(1000) for _ in range(draw.randrange(1, 50))]
            driven.add(draw.choice(roots) + tail, draw.randrange(1, 20))
        for request in driven.scheduler.requests.values():
            requests[int(request.request_id.split("-")[0])] = request
        before = len(driven.traces)
        driven.step()
        hashes.take(driven.traces[before:], requests)
        if turn % 7:
            continue
        step = driven.mirror.header.step
        told = heat_of(driven.ledger, step, asked)
        asked = told["step"]
        rows = zip(told["blocks"], told["hits"], told["last"], strict=True)
        known |= {block_id: (hits, last) for block_id, hits, last in rows}
        for block_id, block_hash in hashes.held().items():
            true = hashes.hits[block_hash], hashes.last[block_hash]
            assert known[block_id] == true, (turn, block_id)
            num_compared += 1
    assert num_compared > 500
    assert max(hashes.hits.values()) > 5
    assert driven.mirror.header.num_evictions > 20


def test_before_a_lost_record_nothing_is_counted(driven: Driven) -> None:
    prompt = list(range(80))
    driven.serve(prompt)
    driven.serve(prompt)
    driven.tap.ask_snapshot()
    records = len(driven.records)
    driven.serve(prompt)
    assert max(heat_of(driven.ledger, 0)["hits"]) == 2
    from lab.tracing.ledger import Ledger
    from lab.tracing.mirror import PoolMirror
    from lab.tracing.trace import TraceKind, decode

    late, mirror = Ledger(), PoolMirror(driven.mirror.num_blocks, driven.block_size)
    later = [decode(record) for record in driven.records[records:]]
    while later[0].header.kind is not TraceKind.SNAPSHOT:
        later.pop(0)
    for trace in later:
        mirror.apply(trace)
        late.note(trace, mirror)
    told = heat_of(late, 0)
    assert told["since_step"] == later[0].header.step > 0
    assert min(told["last"]) >= told["since_step"]
    assert max(told["hits"]) == 1
