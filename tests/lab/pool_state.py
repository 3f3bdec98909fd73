"""The state of a PoolMirror as JSON; tests/js/pool_state.js says the same of a Pool."""

from typing import Any

from lab.tracing.mirror import PoolMirror


def block_state(ref_cnt: int, has_hash: bool, block_id: int) -> str:
    """Name of a block's state, by the rule of the glossary."""
    if block_id == 0:
        return "null"
    if ref_cnt == 0:
        return "cached" if has_hash else "free"
    return "used" if ref_cnt == 1 else "shared"


def pool_state(mirror: PoolMirror) -> dict[str, Any]:
    """Everything that the viewer derives, from the engine's side of the wire."""
    owners: list[list[list[int]]] = [[] for _ in range(mirror.num_blocks)]
    for request in sorted(mirror.requests.values(), key=lambda one: one.short_id):
        for group, table in zip(mirror.groups, request.tables(), strict=False):
            for index, block in enumerate(table):
                fill = request.fill_of(group, index)
                if block:
                    owners[block].append([request.short_id, index, fill])
    ref_cnt = mirror.ref_cnt.tolist()
    has_hash = mirror.has_hash.tolist()
    states = [
        block_state(*pair, block)
        for block, pair in enumerate(zip(ref_cnt, has_hash, strict=True))
    ]
    names = ("null", "free", "cached", "used", "shared")
    header = mirror.header
    assert header is not None
    return {
        "step": header.step,
        "stampMs": header.stamp_ns / 1e6,
        "numFreeBlocks": header.num_free_blocks,
        "prefixHitTokens": header.prefix_hit_tokens,
        "refCnt": ref_cnt,
        "hasHash": [int(flag) for flag in has_hash],
        "states": states,
        "totals": {name: states.count(name) for name in names},
        "owners": owners,
        "waiting": list(mirror.waiting),
        "requests": [
            [
                request.short_id,
                int(request.state),
                request.num_prompt_tokens,
                request.num_cached_tokens,
                request.num_computed_tokens,
                request.num_scheduled_tokens,
                request.num_preemptions,
                *[request.table(at).tolist() for at in range(len(mirror.groups))],
            ]
            for request in sorted(
                mirror.requests.values(), key=lambda one: one.short_id
            )
        ],
    }
