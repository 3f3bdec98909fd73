"""How a rehearsal begins where a model has KV-cache groups: hashes by group, a table of
each, and what vLLM keeps of a running request beside them."""

from typing import Any

from vllm.v1.core.kv_cache_utils import make_block_hash_with_group_id
from vllm.v1.request import Request

from lab.rehearsal.script import Script
from lab.rehearsal.stage import RehearsedScheduler, named_hash
from lab.tracing.mirror import RequestMirror
from lab.tracing.replay_notes import GroupCached, GroupLive

UNNAMED = 1 << 32
"""Names from here on are of blocks whose beginning is not told."""


def restore_hashes(scheduler: RehearsedScheduler, script: Script) -> None:
    """The hashes of the recorded pool, each to the block that had it."""
    pool = scheduler.kv_cache_manager.block_pool
    known = set()
    for cached in script.start.group_cached:
        known.add(cached.block_id)
        _give(pool, pool.blocks[cached.block_id], cached)
    for block_id in script.mirror.has_hash.nonzero()[0].tolist():
        if block_id not in known:
            unnamed = GroupCached(block_id, 0, 0, UNNAMED + block_id)
            _give(pool, pool.blocks[block_id], unnamed)


def _give(pool: Any, block: Any, cached: GroupCached) -> None:
    key = make_block_hash_with_group_id(named_hash(cached.name), cached.group)
    pool._insert_block_hash(key, block, num_tokens=cached.num_tokens)


def restore_tables(
    scheduler: RehearsedScheduler,
    request: Request,
    script: Script,
    mirrored: RequestMirror,
) -> bool:
    """A running request's table in each group, as recorded."""
    manager = scheduler.kv_cache_manager
    blocks = manager.block_pool.blocks
    for group, single in enumerate(manager.coordinator.single_type_managers):
        table = mirrored.table(group)
        single.req_to_blocks[request.request_id] = [blocks[at] for at in table]
    for live in script.start.group_live:
        if live.short_id == mirrored.short_id:
            _restore(manager, request, live)
    request.num_computed_tokens = mirrored.num_computed_tokens
    return True


def _restore(manager: Any, request: Request, live: GroupLive) -> None:
    single = manager.coordinator.single_type_managers[live.group]
    request_id = request.request_id
    if live.num_cached:
        single.num_cached_block[request_id] = live.num_cached - 1
    if live.last_state:
        single.last_state_block_idx[request_id] = live.last_state - 1
    if live.num_retired:
        single._num_retired_blocks[request_id] = live.num_retired - 1
    if live.is_allocated:
        single._allocated_block_reqs.add(request_id)
    if live.shared_tokens:
        request.shared_prefix_boundary = live.shared_tokens


def fill_hashes(scheduler: RehearsedScheduler, script: Script) -> None:
    """What was cached, into as many blocks as there are; the last to be evicted first
    of all, and the queue keeps their order."""
    pool = scheduler.kv_cache_manager.block_pool
    place = {block_id: at for at, block_id in enumerate(script.start.free)}
    rows = sorted(
        script.start.group_cached,
        key=lambda cached: place.get(cached.block_id, len(place)),
    )
    blocks = pool.get_new_blocks(min(len(rows), pool.get_num_free_blocks()))
    for block, cached in zip(blocks, rows[len(rows) - len(blocks) :], strict=True):
        _give(pool, block, cached)
    pool.free_blocks(blocks)


def allocate(
    scheduler: RehearsedScheduler, request: Request, mirrored: RequestMirror
) -> bool:
    """Whether its computed tokens have room; by vLLM's own manager."""
    manager, computed = scheduler.kv_cache_manager, mirrored.num_computed_tokens
    found, num_hit = manager.coordinator.find_longest_cache_hit(
        request.block_hashes, computed - 1
    )[:2]
    new = manager.allocate_slots(
        request,
        computed - num_hit,
        num_hit,
        manager.create_kv_cache_blocks(found),
        has_scheduled_reqs=False,
    )
    if new is None:
        return False
    request.num_computed_tokens = computed
    return True
