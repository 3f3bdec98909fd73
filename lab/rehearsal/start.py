"""How a rehearsal begins: with the blocks, the queue and the requests as recorded.

With the recorded pool it begins with the very same blocks, in the same order of
eviction. With another pool nothing has the same place, so that vLLM's own block pool is
filled as far as it goes: first what was in the prefix cache, the last to be evicted
first of all; then the running requests in their order, each with as many computed
tokens as it had. Whoever does not fit waits, and computes anew.
"""

from collections.abc import Iterator
from typing import Any

from vllm.v1.core.kv_cache_utils import make_block_hash_with_group_id
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.request import Request, RequestStatus

from lab.rehearsal.group_start import (
    allocate,
    fill_hashes,
    restore_hashes,
    restore_tables,
)
from lab.rehearsal.script import Part, Script
from lab.rehearsal.stage import (
    OTHER_TOKEN,
    RehearsedScheduler,
    named_hash,
    request_of,
)
from lab.tracing.mirror import RequestMirror
from lab.tracing.replay_notes import ReplaySettings
from lab.tracing.trace import RequestState

POOL = ("num_blocks", "block_size", "has_prefix_caching")
GROUP = 0

InFlight = list[tuple[SchedulerOutput, set[str]]]
"""Steps whose output is awaited, and who samples a token in them."""


def begin(
    scheduler: RehearsedScheduler, script: Script, settings: ReplaySettings
) -> InFlight:
    """Fill the scheduler; what is in flight as the first step is scheduled."""
    is_same = all(getattr(settings, n) == getattr(script.settings, n) for n in POOL)
    if is_same:
        _restore_pool(scheduler, script)
    elif settings.has_prefix_caching:
        fill = _fill_cache if not settings.groups else _fill_groups
        fill(scheduler, script, settings)
    num_seats = settings.max_num_seqs
    for mirrored in _in_order(script):
        part = script.parts[mirrored.short_id]
        request = request_of(part, settings)
        assert part.live is not None
        num_output = part.live.num_tokens - request.num_prompt_tokens
        if num_output > 0:
            request.append_output_token_ids([OTHER_TOKEN] * num_output)
        request.num_preemptions = mirrored.num_preemptions
        is_running = mirrored.state is RequestState.RUNNING
        if is_running and len(scheduler.running) < num_seats:
            is_running = _place(scheduler, script, request, mirrored, is_same)
        else:
            is_running = False
        _put(scheduler, request, part, is_running, is_same)
    awaited = scheduler.running
    if is_same:  # what was preempted is resumed once its output has come
        awaited = list(scheduler.requests.values())
    known = {request.request_id for request in awaited}
    return [_step(known, step) for step in script.start.in_flight]


def _in_order(script: Script) -> Iterator[RequestMirror]:
    """The running requests, then the queue."""
    for live in script.start.live:
        yield script.mirror.requests[live.short_id]


def _place(
    scheduler: RehearsedScheduler,
    script: Script,
    request: Request,
    mirrored: RequestMirror,
    is_same: bool,
) -> bool:
    """Give a running request its blocks; whether it has them."""
    if script.settings.groups and is_same:
        return restore_tables(scheduler, request, script, mirrored)
    if script.settings.groups:
        return allocate(scheduler, request, mirrored)
    place = _restore_table if is_same else _allocate
    return place(scheduler, request, mirrored)


def _put(
    scheduler: RehearsedScheduler,
    request: Request,
    part: Part,
    is_running: bool,
    is_same: bool,
) -> None:
    assert part.live is not None
    scheduler.requests[request.request_id] = request
    if is_running:
        request.status = RequestStatus.RUNNING
        scheduler.running.append(request)
        request.num_output_placeholders = part.live.num_output_placeholders
        request.is_prefill_chunk = request.num_computed_tokens < request.num_tokens - 1
    else:
        has_begun = request.num_preemptions or request.num_output_tokens
        request.status = RequestStatus.PREEMPTED if has_begun else RequestStatus.WAITING
        scheduler.waiting.add_request(request)
    if is_running or is_same:
        request.num_in_flight_tokens = part.live.num_in_flight_tokens
        request.num_stale_output_tokens = part.live.num_stale_output_tokens
        request.drop_stale_output = bool(part.live.drops_stale_output)


def _step(
    known: set[str], step: list[tuple[int, int, bool]]
) -> tuple[SchedulerOutput, set[str]]:
    """A step on its way, as far as update_from_output() looks at it; of these requests
    alone."""
    output = SchedulerOutput.make_empty()
    sampling = set()
    for short_id, num_tokens, samples in step:
        request_id = f"{short_id}-00000000"
        if request_id in known:
            output.num_scheduled_tokens[request_id] = num_tokens
            output.total_num_scheduled_tokens += num_tokens
            if samples:
                sampling.add(request_id)
    return output, sampling


# The recorded pool


def _restore_pool(scheduler: RehearsedScheduler, script: Script) -> None:
    pool = scheduler.kv_cache_manager.block_pool
    queue = pool.free_block_queue
    mirror, blocks = script.mirror, pool.blocks
    for block in queue.get_all_free_blocks():
        queue.remove(block)
    queue.append_n([blocks[block_id] for block_id in script.start.free])
    for block_id, ref_cnt in enumerate(mirror.ref_cnt.tolist()):
        if block_id:
            blocks[block_id].ref_cnt = ref_cnt
    if script.settings.groups:
        restore_hashes(scheduler, script)
        return
    known = set()
    for cached in script.start.cached:
        known.add(cached.block_id)
        _give_hash(scheduler, blocks[cached.block_id], cached.names[-1])
    for block_id in mirror.has_hash.nonzero()[0].tolist():
        if block_id not in known:
            _give_hash(scheduler, blocks[block_id], (1 << 32) + block_id)


def _give_hash(scheduler: RehearsedScheduler, block: Any, name: int) -> None:
    key = make_block_hash_with_group_id(named_hash(name), GROUP)
    size = scheduler.block_size
    if hasattr(block, "set_block_hash"):
        block.set_block_hash(key, num_tokens=size)
    else:  # vLLM 0.26
        block.block_hash = key
    scheduler.kv_cache_manager.block_pool.cached_block_hash_to_block.insert(key, block)


def _restore_table(
    scheduler: RehearsedScheduler,
    request: Request,
    mirrored: RequestMirror,
) -> bool:
    manager = scheduler.kv_cache_manager
    (single,) = manager.coordinator.single_type_managers
    table = [manager.block_pool.blocks[block_id] for block_id in mirrored.block_ids]
    single.req_to_blocks[request.request_id] = table
    hashed = [block.block_hash is not None for block in table]
    num_hashed = hashed.index(False) if False in hashed else len(hashed)
    single.num_cached_block[request.request_id] = num_hashed
    request.num_computed_tokens = mirrored.num_computed_tokens
    return True


# Another pool


def _fill_groups(
    scheduler: RehearsedScheduler, script: Script, settings: ReplaySettings
) -> None:
    """Blocks of groups keep their size."""
    fill_hashes(scheduler, script)


def _fill_cache(
    scheduler: RehearsedScheduler, script: Script, settings: ReplaySettings
) -> None:
    """What was cached, as blocks of the new size, into as many blocks as there are;
    the queue keeps the order of eviction."""
    names = _cached_ends(script, settings)
    pool = scheduler.kv_cache_manager.block_pool
    blocks = pool.get_new_blocks(min(len(names), pool.get_num_free_blocks()))
    kept = names[len(names) - len(blocks) :]
    for block, name in zip(blocks, kept, strict=True):
        _give_hash(scheduler, block, name)
    pool.free_blocks(blocks)


def _cached_ends(script: Script, settings: ReplaySettings) -> list[int]:
    """Names of the beginnings that whole blocks of the new size end, the first to be
    evicted first; a beginning counts where all of it was cached."""
    before: dict[int, int] = {}
    age: dict[int, int] = {}
    place = {block_id: at for at, block_id in enumerate(script.start.free)}
    for cached in script.start.cached:
        name = cached.before
        for following in cached.names:
            before[following] = name
            oldest = place.get(cached.block_id, len(place))
            age[following] = max(oldest, age.get(following, 0))
            name = following
    per_block = settings.block_size // settings.granule
    depths: dict[int, int] = {}
    ends = [name for name in before if _depth(name, before, depths) % per_block == 0]
    whole = [name for name in ends if depths[name]]
    return sorted(whole, key=lambda name: (age[name], -depths[name]))


def _depth(name: int, before: dict[int, int], depths: dict[int, int]) -> int:
    """Granules from where the beginning begins to the end of ``name``; 0 where one of
    them is not cached."""
    chain = []
    while name in before and name not in depths:
        chain.append(name)
        name = before[name]
    depth = depths.get(name, 0)
    is_whole = depth > 0 or name == 0
    for one in reversed(chain):
        depth += is_whole
        depths[one] = depth
    return depth


def _allocate(
    scheduler: RehearsedScheduler,
    request: Request,
    mirrored: RequestMirror,
) -> bool:
    """Whether its computed tokens have room; by vLLM's own manager."""
    manager = scheduler.kv_cache_manager
    computed = mirrored.num_computed_tokens
    found, num_found = manager.get_computed_blocks(request)[:2]
    num_hit = min(num_found, computed - 1) // scheduler.block_size
    blocks = manager.create_kv_cache_blocks((list(found.blocks[0][:num_hit]),))
    num_hit *= scheduler.block_size
    new = manager.allocate_slots(
        request, computed - num_hit, num_hit, blocks, has_scheduled_reqs=False
    )
    if new is None:
        return False
    request.num_computed_tokens = computed
    return True
