"""Why a hit ended where a model has several KV-cache groups: sentences. Pure.

vLLM takes the longest hit for which every group has its blocks: full attention all of
them, a sliding window those that it reaches back to, chunks those of the chunk that
goes on, states the last one. So a miss is told by the groups that lacked a block for
more.
"""

from collections.abc import Callable

from lab.reasons.facts import Difference, Lookup
from lab.reasons.lost import GroupLookup, first_lost

Who = Callable[[int | None], str]


def found_words(lookup: Lookup, after: str) -> str:
    """What all groups together took from the cache."""
    most = lookup.most_blocks * lookup.block_size
    hit, tokens = lookup.num_hit_tokens, lookup.num_tokens
    said = f"It took {hit:,} of its {tokens:,} tokens from the prefix cache{after}"
    if len(lookup.groups) == 1:
        return f"{said}: {most:,} can be hit, in steps of {lookup.block_size:,}."
    return (
        f"{said}: what the layers of all {len(lookup.groups)} KV-cache groups have, in "
        f"steps of {lookup.block_size:,}; {most:,} can be hit."
    )


def new_words(lookup: Lookup, since: str) -> list[str]:
    """Which groups never had what the next longer hit needs."""
    lacking: dict[tuple[int, int], list[str]] = {}
    for group in lookup.groups:
        if group.missing is not None:
            where = group.missing, group.block_size
            lacking.setdefault(where, []).append(group.name)
    said = []
    for (block, size), names in lacking.items():
        said.append(
            f"For {lookup.block_size:,} tokens more {_layers(names)} lacked logical "
            f"block {block:,}, tokens {block * size:,} to {(block + 1) * size - 1:,}: "
            f"nobody’s prompt or answer with this beginning left one {since}."
        )
    return said + _had(lookup, {name for names in lacking.values() for name in names})


def evicted_words(lookup: Lookup, who: Who) -> list[str]:
    """Which groups had lost what the hit in a pool without an end needs."""
    said = []
    for group in lookup.groups:
        if not group.lost:
            continue
        first = group.lost[0]
        held = "it was cached once; who took it was not seen."
        if first.step is not None and first.block_id is not None:
            held = (
                f"block {first.block_id:,} held it until step {first.step:,}, when "
                f"{who(first.taken_by)} took that block."
            )
        said.append(
            f"For {lookup.num_known_tokens:,} tokens {_layers([group.name])} lacked "
            f"logical block {first.first:,}, tokens {group.tokens(first.first)}: {held}"
        )
    return said + _had(lookup, {group.name for group in lookup.groups if group.lost})


def differs_words(difference: Difference, other: str) -> list[str]:
    """Where the learner's own requests go apart."""
    if difference.is_salted:
        return [f"It begins like {other}, under another cache salt: they never share."]
    return [f"It differs from {other} at token {difference.token:,} (from 0)."]


def bill_words(lookup: Lookup, who: Who, time: str) -> list[str]:
    """What was computed again, and since whom."""
    again, first = lookup.num_again_tokens, first_lost(lookup.groups)
    since = ""
    if first is not None and first.taken_by is not None:
        since = f", since {who(first.taken_by)} took the first of these blocks"
    were = "token was" if again == 1 else "tokens were"
    return [f"{again:,} {were} computed though they had been cached{since}{time}."]


def _had(lookup: Lookup, named: set[str]) -> list[str]:
    """What the others had of it, where that is more than was hit."""
    return [
        f"{_layers([group.name])} had {group.num_had:,} blocks, up to token "
        f"{group.num_had * group.block_size - 1:,}.".replace("the", "The", 1)
        for group in lookup.groups
        if group.num_had is not None
        and group.name not in named
        and group.num_had * group.block_size > lookup.num_hit_tokens
    ]


def _layers(names: list[str]) -> str:
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"the layers with {listed}"


def table_rows(lookup: Lookup, who: Who) -> list[list[str]]:
    """Logical blocks of each group, their tokens, and what the cache had of them."""
    rows = []
    for group in lookup.groups:
        for first, count, what in _told(group, who):
            last = first + count - 1
            blocks = f"{first:,}" if count == 1 else f"{first:,} to {last:,}"
            rows.append([f"{group.name}: {blocks}", group.tokens(first, count), what])
    hit = lookup.num_hit_tokens
    rows.append(["all", f"{hit:,} to {lookup.num_tokens - 1:,}", "computed"])
    return rows


def _told(group: GroupLookup, who: Who) -> list[tuple[int, int, str]]:
    """First block, how many, and what is to be said of them."""
    told = []
    end = group.first_taken + group.num_taken
    if group.num_taken:
        told.append((group.first_taken, group.num_taken, "taken from the prefix cache"))
    if group.num_had is not None and group.num_had > end:
        what = "in the cache; the hit ends before, as another group lacks its blocks"
        told.append((end, group.num_had - end, what))
    for one in group.lost:
        what = "was cached once; who took it was not seen"
        if one.step is not None and one.block_id is not None:
            what = (
                f"block {one.block_id:,} held the first until step {one.step:,}, when "
                f"{who(one.taken_by)} took it"
            )
        told.append((one.first, one.count, what))
    if group.missing is not None:
        told.append((group.missing, 1, "never cached before"))
    return told
