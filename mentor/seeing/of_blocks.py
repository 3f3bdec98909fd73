"""Answers about blocks: one that was named, the learner's, and all of them."""

from lab.live_state import BlockFacts
from mentor.seeing.sight import (
    Said,
    Sight,
    capital,
    count,
    is_are,
    listed,
    mib,
    name,
    names,
    percent,
    plural,
    ranges,
    seconds,
)

NULL = (
    "Block 0 is the null block: vLLM never hands it out, so it is nobody's and holds "
    "nothing."
)


def block_owner(seen: Sight) -> Said:
    """Who holds it, or held it last."""
    block = seen.state.block
    if block is None:
        return _no_block(seen)
    if block.state == "null":
        return Said([NULL])
    if not block.held_by:
        return Said(
            [
                f"Block {block.block_id} is nobody's now: {_unheld(block)}.",
                *_before(seen, block),
            ]
        )
    holders = [
        f"{seen.who(one.short_id)} (its block {one.logical_index + 1})"
        for one in block.held_by[:8]
    ]
    whom = listed(holders, len(block.held_by) - len(holders))
    verb = "is shared by" if len(block.held_by) > 1 else "belongs to"
    return Said([f"Block {block.block_id} {verb} {whom}."], _taken(seen, block))


def block_content(seen: Sight) -> Said:
    """How many tokens; which ones no trace says."""
    block = seen.state.block
    if block is None:
        return _no_block(seen)
    if block.state == "null":
        return Said([NULL])
    silent = "Which tokens these are the trace does not say: it carries no text."
    if not block.held_by:
        return Said(
            [f"Block {block.block_id} is held by nobody: {_unheld(block)}.", silent]
        )
    first = block.held_by[0]
    size = first.block_size
    if size is None:
        return Said(
            [
                f"Block {block.block_id} holds a state of {seen.who(first.short_id)}, "
                "not the keys and values of tokens: what the layers of its KV-cache "
                "group keep of all tokens before, in one size however many they are."
            ]
        )
    start = first.logical_index * size
    place = f"tokens {count(start + 1)} to {count(start + first.num_tokens)}"
    facts = [
        f"Block {block.block_id} holds the keys and values of {first.num_tokens} of "
        f"{size} tokens: {place} of {seen.who(first.short_id)}."
    ]
    if len(block.held_by) > 1:
        others = [one.short_id for one in block.held_by[1:]]
        facts.append(f"The same block stands in the block tables of {names(others)}.")
    return Said([*facts, silent])


def block_state(seen: Sight) -> Said:
    """Its state, counter and hash."""
    block = seen.state.block
    if block is None:
        return _no_block(seen)
    if block.state == "null":
        return Said([NULL])
    hashed = (
        "a hash, so it can be hit" if block.has_hash else "no hash, so it cannot be hit"
    )
    facts = [
        f"Block {block.block_id} is {block.state}: ref_cnt {block.ref_cnt}, with "
        f"{hashed}."
    ]
    if block.held_by:
        facts.append(f"It is held by {_holders(seen, block)}.")
    else:
        facts += _before(seen, block)
    if block.evicted_step is not None:
        facts.append(f"It was evicted last at step {count(block.evicted_step)}.")
    return Said(facts, _taken(seen, block))


def cache_mine(seen: Sight) -> Said:
    """The learner's blocks, each once."""
    mine, usable = len(seen.state.own_blocks), seen.num_usable
    if not mine:
        live = [r for r in seen.state.requests if r.short_id in seen.state.own]
        why = "your request waits" if live else "no request of yours is in the engine"
        return Said(
            [f"No block of the cache is yours now, 0 of {count(usable)}: {why}."]
        )
    facts = [
        f"{capital(plural(mine, 'block'))} of {count(usable)} {is_are(mine)} yours: "
        f"{percent(mine, usable)} of the cache."
    ]
    shared = sum(
        r.num_blocks_shared for r in seen.state.running if r.short_id in seen.state.own
    )
    size = seen.status.kv_cache_bytes
    deep = [
        f"{capital(plural(shared, 'block'))} in your block tables {is_are(shared)} "
        "held by others too."
    ]
    if size:
        deep.append(
            f"That is {mib(mine * size // seen.state.num_blocks)} of {mib(size)}."
        )
    return Said(facts, deep)


def blocks_mine(seen: Sight) -> Said:
    """Their numbers."""
    mine = seen.state.own_blocks
    if not mine:
        return cache_mine(seen)
    noun = "Block" if len(mine) == 1 else "Blocks"
    return Said(
        [
            f"{noun} {ranges(mine)} {is_are(len(mine))} yours, "
            f"{plural(len(mine), 'block')} in all; they carry a ring in the picture."
        ]
    )


def cache_full(seen: Sight) -> Said:
    """Usage as vLLM's kv_cache_usage_perc counts it: cached blocks are free."""
    state, usable = seen.state, seen.num_usable
    taken = usable - state.num_free
    facts = [
        f"{capital(plural(taken, 'block'))} of {count(usable)} {is_are(taken)} in use, "
        f"{percent(taken, usable)} of the cache; {count(state.num_free)} "
        f"{is_are(state.num_free)} free, {count(state.num_cached)} of them still "
        "cached."
    ]
    deep = [
        f"Of those in use {count(state.num_used)} have one holder and "
        f"{count(state.num_shared)} several; vLLM's kv_cache_usage_perc counts so too."
    ]
    return Said(facts, deep)


def blocks_free(seen: Sight) -> Said:
    """Free ones, with and without a hash."""
    state = seen.state
    empty = state.num_free - state.num_cached
    return Said(
        [
            f"{capital(plural(state.num_free, 'block'))} of {count(seen.num_usable)} "
            f"{is_are(state.num_free)} free: {count(empty)} without a hash, and "
            f"{count(state.num_cached)} that are cached and can still be hit."
        ],
        [f"They have room for {plural(state.num_free * state.block_size, 'token')}."],
    )


def shared_blocks(seen: Sight) -> Said:
    """How many, and by whom."""
    state = seen.state
    if not state.num_shared:
        return Said(["No block is shared now: each that is in use has one holder."])
    shared = state.num_shared
    facts = [f"{capital(plural(shared, 'block'))} {is_are(shared)} shared."]
    if state.most_shared:
        most = state.most_shared[0]
        facts.append(
            f"Block {most.block_id} has the most holders, {len(most.short_ids)}: "
            f"requests {names(most.short_ids)}."
        )
    own = set(state.own)
    mine = [b.block_id for b in state.most_shared if own & set(b.short_ids)]
    if mine:
        facts.append(f"Among the most shared ones you hold {ranges(mine)}.")
    rows = [f"{b.block_id}: {names(b.short_ids)}" for b in state.most_shared[1:]]
    return Said(facts, [f"Next come {'; '.join(rows)}."] if rows else [])


def evicted_last(seen: Sight) -> Said:
    """The newest evictions, and who got the blocks."""
    state = seen.state
    if not state.evictions:
        return Said([_none_evicted(seen)])
    last = state.evictions[-1]
    facts = [
        f"Block {last.block_id} was evicted last, at step {count(last.step)}, "
        f"{seconds(last.ago_s)} before: its place was needed by "
        f"{seen.who(last.taken_by)}."
    ]
    before = [e.block_id for e in reversed(state.evictions[:-1])][:5]
    if before:
        facts.append(f"Before it came {listed(list(map(str, before)))}.")
    facts.append(
        f"Since this engine started {count(state.num_evictions)} were evicted."
    )
    return Said(facts, ["Whose text a block had kept the trace does not say."])


def num_evictions(seen: Sight) -> Said:
    """In this run and in the last minute."""
    state = seen.state
    if not state.num_evictions:
        return Said([_none_evicted(seen)])
    facts = [
        f"{capital(plural(state.num_evictions, 'block'))} "
        f"{'was' if state.num_evictions == 1 else 'were'} evicted since this engine "
        f"started, {count(state.minute.num_evictions)} of them in the last "
        f"{seconds(state.minute.seconds)}."
    ]
    if state.evictions:
        last = state.evictions[-1]
        facts.append(f"The last was block {last.block_id}, at step {count(last.step)}.")
    return Said(facts)


# Pieces


def _none_evicted(seen: Sight) -> str:
    if seen.state.num_evictions:
        total = plural(seen.state.num_evictions, "block")
        return f"{capital(total)} evicted since this engine started, none lately."
    return (
        "Nothing was evicted since this engine started: no cached block had to make "
        "room."
    )


def _no_block(seen: Sight) -> Said:
    if seen.block_id is None:
        return Said(
            [
                "Which block is meant? Click one in the picture, or say its number: "
                f"the blocks are 1 to {count(seen.num_usable)}."
            ]
        )
    return Said(
        [
            f"There is no block {count(seen.block_id)}: this engine has blocks 0 to "
            f"{count(seen.num_usable)}."
        ]
    )


def _unheld(block: BlockFacts) -> str:
    if block.has_hash:
        return "it is free, and still cached: a prompt that begins alike can hit it"
    return "it is free"


def _holders(seen: Sight, block: BlockFacts) -> str:
    shown = [seen.who(one.short_id) for one in block.held_by[:8]]
    return listed(shown, len(block.held_by) - len(shown))


def _before(seen: Sight, block: BlockFacts) -> list[str]:
    if block.taken_by is None:
        return ["Who held it before the trace does not say."]
    step = (
        f", which took it at step {count(block.taken_step)}" if block.taken_step else ""
    )
    return [f"Last it was held by {seen.who(block.taken_by)}{step}."]


def _taken(seen: Sight, block: BlockFacts) -> list[str]:
    if block.taken_step is None or block.taken_by is None:
        return ["When it was taken the trace does not say."]
    return [
        f"It was taken last at step {count(block.taken_step)}, by request "
        f"{name(block.taken_by)}."
    ]
