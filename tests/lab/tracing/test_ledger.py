"""Why a prefix was hit or missed, and what evictions cost, by vLLM's own scheduler."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.reasons import Lookup
from lab.recordings.columns import from_columns, to_columns
from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror
from lab.tracing.notes import Hashed, notes_of
from lab.tracing.trace import TraceKind, decode
from tests.lab.driven_scheduler import Driven
from tests.lab.endless_pool import EndlessPool

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

SIZE = 16


@pytest.fixture
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driven]:
    made = Driven(tmp_path, **getattr(request, "param", {}))
    yield made
    made.close()


def tokens(draw: random.Random, number: int) -> list[int]:
    return [draw.randrange(1000) for _ in range(number)]


@pytest.mark.parametrize("driven", [{"num_blocks": 4000}], indirect=True)
def test_the_block_of_the_first_differing_token_is_named(driven: Driven) -> None:
    draw = random.Random(3)
    for k in range(201):
        first = tokens(draw, 230)
        second = list(first)
        second[k] += 1
        driven.serve(first)
        lookup = driven.ledger.lookups[driven.serve(second)]
        assert (lookup.num_hit_blocks, lookup.reason) == (k // SIZE, "new"), k


def test_all_of_a_prompt_can_be_hit_but_the_block_of_its_last_token(
    driven: Driven,
) -> None:
    draw = random.Random(4)
    for length in (SIZE, SIZE + 1, 2 * SIZE, 2 * SIZE + 5):
        prompt = tokens(draw, length)
        driven.serve(prompt)
        lookup = driven.ledger.lookups[driven.serve(prompt)]
        assert lookup.num_hit_blocks == lookup.most_blocks == (length - 1) // SIZE
        assert lookup.reason == ("whole" if length > SIZE else "short")


@pytest.mark.parametrize("driven", [{"caches": False}], indirect=True)
def test_a_cache_that_is_off_is_not_asked(driven: Driven) -> None:
    prompt = tokens(random.Random(5), 50)
    driven.serve(prompt)
    assert driven.ledger.lookups[driven.serve(prompt)].reason == "off"


def test_another_salt_begins_otherwise(driven: Driven) -> None:
    prompt = tokens(random.Random(6), 50)
    driven.serve(prompt, salt="a")
    assert driven.ledger.lookups[driven.serve(prompt, salt="b")].reason == "new"
    assert driven.ledger.lookups[driven.serve(prompt, salt="a")].num_hit_blocks == 3


def test_after_an_overflow_the_evictor_is_named(driven: Driven) -> None:
    """By the trace: who had the block in its table when it lost its hash."""
    draw = random.Random(7)
    num_named = 0
    for _ in range(60):
        prompts = [tokens(draw, draw.randrange(100, 240)) for _ in range(4)]
        for prompt in prompts:
            driven.serve(prompt, draw.randrange(1, 30))
        for prompt in prompts:
            before = len(driven.traces)
            lookup = driven.ledger.lookups[driven.serve(prompt)]
            num_named += _check_named(driven, lookup, before)
    assert num_named >= 100


def test_a_cache_that_was_emptied_owes_nothing(driven: Driven) -> None:
    prompt = tokens(random.Random(9), 100)
    driven.serve(prompt)
    assert driven.scheduler.reset_prefix_cache()
    driven.follow()
    lookup = driven.ledger.lookups[driven.serve(prompt)]
    assert (lookup.reason, lookup.num_again_tokens) == ("new", 0)
    assert driven.ledger.lookups[driven.serve(prompt)].reason == "whole"


@pytest.mark.parametrize(
    "driven", [{"seed": seed} for seed in (1, 2, 3)], indirect=True
)
def test_the_bill_of_a_recording_is_that_of_the_run(driven: Driven) -> None:
    draw = random.Random(10)
    roots = [tokens(draw, 64) for _ in range(4)]
    for _ in range(60):
        prompt = draw.choice(roots) + tokens(draw, draw.randrange(1, 90))
        driven.add(prompt, draw.randrange(1, 30))
        driven.step()
    driven.run()
    records = from_columns(to_columns(driven.records))
    assert records == driven.records
    mirror, ledger = PoolMirror(driven.mirror.num_blocks, SIZE), Ledger()
    for record in records:
        trace = decode(record)
        mirror.apply(trace)
        ledger.note(trace, mirror)
    assert ledger.bill() == driven.ledger.bill()
    assert ledger.bill().num_again_tokens > 0


def test_no_token_and_no_hash_leaves_the_engine(driven: Driven) -> None:
    """Tokens of a vocabulary that no count and no id reaches."""
    draw = random.Random(12)
    secret = 0x5EC0_0000
    root = [secret + draw.randrange(1 << 16) for _ in range(80)]
    for _ in range(12):
        prompt = root + [secret + draw.randrange(1 << 16) for _ in range(60)]
        driven.add(prompt, 20)
    driven.step()
    hashes = {
        bytes(block_hash)
        for request in driven.scheduler.requests.values()
        for block_hash in request.block_hashes
    }
    driven.run()
    assert len(hashes) > 12
    assert driven.replay_notes
    told = b"".join([*driven.records, *driven.replay_notes])
    words = memoryview(told).cast("I")
    assert not [word for word in words if secret <= word < secret + (1 << 16)]
    assert not [one for one in hashes if one in told or one[:8] in told]


def test_who_is_refused_lacks_blocks(driven: Driven) -> None:
    draw = random.Random(11)
    driven.add(tokens(draw, 16 * 30), 20)
    driven.step()
    held = driven.add(tokens(draw, 16 * 10 + 1))
    driven.step()
    refusal = driven.ledger.refusal
    assert refusal is not None and refusal.short_id == held
    assert (refusal.num_needed, refusal.num_free) == (11, 39 - 30)
    assert refusal.num_missing == 2
    while driven.mirror.waiting:
        driven.step()
    assert driven.ledger.refusal is None
    driven.run()


def _check_named(driven: Driven, lookup: Lookup, before: int) -> int:
    """How many evictors were named; each as the raw trace has it."""
    if lookup.reason != "evicted":
        return 0
    lost = lookup.lost[0]
    assert lost.first == lookup.num_hit_blocks
    step = next(
        trace
        for trace in reversed(driven.traces[:before])
        if trace.header.kind is TraceKind.SCHEDULE and trace.header.step == lost.step
    )
    removed = [n for n in notes_of(step) if isinstance(n, Hashed) and n.is_removed]
    assert lost.block_id in {one.block_id for one in removed}
    holders = {t.short_id for t in step.tables if lost.block_id in t.block_ids}
    assert holders == {lost.taken_by}
    return 1


@pytest.mark.parametrize(
    "driven",
    [
        {"num_blocks": 40, "seed": seed, "budget": budget}
        for seed, budget in ((1, 256), (2, 64), (3, 512))
    ],
    indirect=True,
)
def test_the_bill_is_what_an_endless_pool_would_have_spared(driven: Driven) -> None:
    """Of crowds that share beginnings, overflow the pool and preempt each other."""
    draw = random.Random(8)
    roots = [tokens(draw, 96) for _ in range(3)]
    pool = EndlessPool(driven.block_size)
    all_tokens: dict[int, list[int]] = {}

    def watch() -> None:
        """Each lookup against the pool without an end, then what got cached."""
        for request in driven.scheduler.requests.values():
            all_tokens[int(request.request_id.split("-")[0])] = request.all_token_ids

    for turn in range(900):
        if turn < 800 and len(driven.scheduler.requests) < 14:
            root = draw.choice(roots)
            prompt = root[: draw.choice((0, 32, 96))] + tokens(
                draw, draw.randrange(1, 90)
            )
            driven.add(prompt, draw.randrange(1, 60))
        if turn % 37 == 36:  # a reader that lost the thread, a recorder that begins
            driven.tap.ask_snapshot()
        watch()
        texts = {short_id: list(some) for short_id, some in all_tokens.items()}
        before = len(driven.traces)
        driven.step()
        queue = driven.scheduler.kv_cache_manager.block_pool.free_block_queue
        true = [block.block_id for block in queue.get_all_free_blocks()]
        assert list(driven.ledger.queue) == true
        for choice in driven.ledger.choices:  # vLLM evicts who stands first
            assert choice.candidates[0] == choice.block_id
        for trace in driven.traces[before:]:
            pool.take(trace, texts)
    bill = driven.ledger.bill()
    header = driven.mirror.header
    assert header is not None
    assert pool.num_told == pool.num_true == bill.num_known_tokens
    assert bill.num_tokens == header.prefix_query_tokens
    assert bill.num_hit_tokens == header.prefix_hit_tokens
    endless_computes = bill.num_tokens - pool.num_true
    assert bill.num_again_tokens == (
        bill.num_tokens - bill.num_hit_tokens - endless_computes
    )
    assert bill.num_again_tokens > 1000
    assert bill.num_forgotten == 0
    assert header.num_preemptions > 5
    assert bill.ms > 0
    assert bill.since_step == 0
