"""Why a prefix was hit or missed with several KV-cache groups, and the bill of it,
against vLLM's own coordinator and against what attention reads."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.reasons import LostBlocks
from lab.tracing.group_notes import Hits
from lab.tracing.groups import NULL_BLOCK, GroupKind
from lab.tracing.notes import Hashed, LookedUp, notes_of
from lab.tracing.trace import StepTrace, TraceKind
from lab.viewer.cache import NO_WHOLE_TABLES, cache_message
from tests.lab.tracing.driven_groups import GroupsDriven

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

WINDOW, STATES = "full and window", "full and states that are cached"
OTHERS = ("window", "windows of two block sizes", "full and chunk")
THREE = "full, a window and states"
MANY = 2_000


@pytest.fixture
def driven(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GroupsDriven]:
    made = GroupsDriven(tmp_path, **request.param)
    yield made
    made.close()


def tokens(draw: random.Random, number: int) -> list[int]:
    return [draw.randrange(1000) for _ in range(number)]


def of_shapes(*shapes: str, num_blocks: int | None) -> pytest.MarkDecorator:
    params = [{"shape": shape, "num_blocks": num_blocks} for shape in shapes]
    return pytest.mark.parametrize("driven", params, indirect=True, ids=shapes)


@of_shapes(WINDOW, STATES, THREE, "windows of two block sizes", num_blocks=MANY)
def test_the_block_of_the_first_differing_token_is_named(driven: GroupsDriven) -> None:
    draw = random.Random(3)
    groups = driven.mirror.groups
    for k in range(1, 201):
        first = tokens(draw, 230)
        second = list(first)
        second[k] += 1
        driven.serve(first)
        short_id = driven.serve(second)
        lookup, truth = driven.ledger.lookups[short_id], driven.truths[short_id]
        groups = driven.mirror.groups
        assert lookup.reason == "new", k
        assert lookup.num_hit_tokens == truth.num_hit == truth.num_ever, k
        told = dict(enumerate(one.missing for one in lookup.groups))
        assert {g: at for g, at in told.items() if at is not None} == truth.lacking, k
        assert truth.lacking, k
        for at, (one, group) in enumerate(zip(lookup.groups, groups, strict=True)):
            assert one.block_size == group.block_size
            if one.num_had is not None:
                assert one.num_had == truth.had[at] == k // group.block_size
            if one.missing is not None and group.kind.name != "STATE":
                assert one.missing == k // group.block_size, k


@of_shapes(WINDOW, STATES, num_blocks=40)
def test_after_an_overflow_the_evictor_is_named(driven: GroupsDriven) -> None:
    """By the trace: who had the block in its table when it lost its hash."""
    draw = random.Random(7)
    num_named = 0
    for _ in range(60):
        prompts = [tokens(draw, draw.randrange(100, 240)) for _ in range(3)]
        for prompt in prompts:
            driven.serve(prompt, draw.randrange(1, 30))
        for prompt in prompts:
            before = len(driven.traces)
            short_id = driven.serve(prompt)
            lookup = driven.ledger.lookups[short_id]
            truth = driven.truths[short_id]
            assert lookup.num_known_tokens == truth.num_ever
            assert (lookup.reason == "evicted") == (truth.num_hit < truth.num_ever)
            lost = [one for group in lookup.groups for one in group.lost]
            assert bool(lost) == (lookup.reason == "evicted")
            for one in lost:
                _check_named(driven.traces[:before], one)
                num_named += 1
    assert num_named >= 100


def _check_named(traces: list[StepTrace], lost: LostBlocks) -> None:
    """The evictor is as the raw trace has it."""
    step = next(
        trace
        for trace in reversed(traces)
        if trace.header.kind is TraceKind.SCHEDULE and trace.header.step == lost.step
    )
    removed = [n for n in notes_of(step) if isinstance(n, Hashed) and n.is_removed]
    assert lost.block_id in {one.block_id for one in removed}
    holders = {t.short_id for t in step.tables if lost.block_id in t.block_ids}
    assert holders == {lost.taken_by}


@of_shapes(WINDOW, STATES, THREE, *OTHERS, num_blocks=None)
def test_the_bill_is_what_an_endless_pool_would_have_spared(
    driven: GroupsDriven,
) -> None:
    """Of crowds that share beginnings, overflow the pool and preempt each other."""
    draw = random.Random(8)
    roots = [tokens(draw, 192) for _ in range(3)]
    num_tokens = num_hit = num_ever = 0
    for turn in range(260):
        if turn < 220 and len(driven.scheduler.requests) < 14:
            root = draw.choice(roots)[: draw.choice((0, 64, 128, 192))]
            driven.add(
                root + tokens(draw, draw.randrange(1, 90)), draw.randrange(1, 60)
            )
        if turn % 37 == 36:  # a reader that lost the thread, a recorder that begins
            driven.tap.ask_snapshot()
        before = len(driven.traces)
        driven.step()
        queue = driven.scheduler.kv_cache_manager.block_pool.free_block_queue
        true = [block.block_id for block in queue.get_all_free_blocks()]
        assert list(driven.ledger.queue) == true
        for choice in driven.ledger.choices:  # vLLM evicts who stands first
            assert choice.candidates[0] == choice.block_id
        for trace in driven.traces[before:]:
            for note in notes_of(trace):
                if isinstance(note, LookedUp):
                    truth = driven.truths[note.short_id]
                    assert note.num_hit_tokens == truth.num_hit
                    lookup = driven.ledger.lookups[note.short_id]
                    assert lookup.num_known_tokens == truth.num_ever
                    num_tokens += note.num_tokens
                    num_hit += truth.num_hit
                    num_ever += truth.num_ever
    bill, header = driven.ledger.bill(), driven.mirror.header
    assert header is not None
    assert bill.num_tokens == num_tokens == header.prefix_query_tokens
    assert bill.num_hit_tokens == num_hit == header.prefix_hit_tokens
    endless_computes = num_tokens - num_ever
    assert bill.num_again_tokens == num_tokens - num_hit - endless_computes
    assert bill.num_again_tokens > 500
    assert bill.num_forgotten == 0
    assert driven.ledger.hits is Hits.TOLD


@of_shapes(WINDOW, STATES, num_blocks=40)
def test_who_is_refused_lacks_as_many_blocks_as_vllm_counts(
    driven: GroupsDriven,
) -> None:
    """By what each group has to hold of a request as it is admitted."""
    draw = random.Random(11)
    num_refused = 0
    for _ in range(25):
        for _ in range(4):
            prompt = tokens(draw, draw.randrange(120, 300))
            driven.add(prompt, draw.randrange(1, 40))
        while driven.scheduler.requests:
            driven.step()
            refusal = driven.ledger.refusal
            if refusal is None:
                continue
            assert refusal.short_id == driven.mirror.waiting[0]
            assert refusal.num_missing > 0
            assert refusal.num_needed == _needed(driven, refusal.short_id)
            num_refused += 1
    assert num_refused >= 20


def _needed(driven: GroupsDriven, short_id: int) -> int:
    """Of all its tokens at once: so vLLM admits, but for what a window gives up."""
    manager = driven.scheduler.kv_cache_manager
    request = driven.scheduler.requests[f"{short_id}-0123abcd"]
    found = manager.coordinator.find_longest_cache_hit(
        request.block_hashes, request.num_tokens - 1
    )
    blocks = 0
    for one, group, hits in zip(
        manager.coordinator.single_type_managers,
        driven.mirror.groups,
        found[0],
        strict=True,
    ):
        cap = "max_admission_blocks_per_request"  # named otherwise in vLLM 0.26
        most = getattr(one, cap, None) or getattr(one, f"_{cap}", None) or 1 << 20
        wanted = min(-(-request.num_tokens // group.block_size), most)
        if group.kind is GroupKind.STATE:  # the state it goes on from, and its own
            wanted = 1 + bool(hits)
        blocks += wanted - sum(block.ref_cnt > 0 for block in hits)
    return blocks


@of_shapes("window", WINDOW, num_blocks=40)
def test_without_whole_tables_there_is_no_tree_and_it_is_said_why(
    driven: GroupsDriven,
) -> None:
    driven.add(tokens(random.Random(2), 100), 9)
    driven.step()
    driven.step()
    state = driven.state()
    assert state.requests[0].num_blocks > 0
    is_whole = len(driven.mirror.groups) > 1
    assert bool(state.tree) is is_whole
    assert cache_message(state)["lacks"] == ("" if is_whole else NO_WHOLE_TABLES)


@of_shapes("windows of two block sizes", STATES, num_blocks=40)
def test_a_block_is_told_with_the_room_of_its_own_group(driven: GroupsDriven) -> None:
    driven.add(tokens(random.Random(2), 70), 9)
    driven.step()
    driven.step()
    (request,) = driven.mirror.requests.values()
    for group, table in zip(driven.mirror.groups, request.tables(), strict=True):
        is_state = group.kind is GroupKind.STATE
        for index, block_id in enumerate(table):
            if block_id == NULL_BLOCK:
                continue
            block = driven.state(block_id=block_id).block
            assert block is not None
            (held,) = block.held_by
            assert held.logical_index == index
            assert held.block_size == (None if is_state else group.block_size)
