"""What each KV-cache group had for a lookup, of its note and of what became of each
hash. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.reasons import GroupLookup, LostBlocks
from lab.tracing.group_notes import GroupLooked, pairs
from lab.tracing.groups import GroupKind, Groups, group_names


@dataclass(slots=True)
class Kept:
    """One hash: what is known of it."""

    num_holders: int = 0
    """Blocks that have it."""
    num_hits: int = 0
    last_step: int = 0
    """When it was cached or hit last."""
    lost_block: int | None = None
    lost_step: int | None = None
    taken_by: int | None = None
    """Of the last time that no block had it any more."""


def lost_blocks(
    known: Iterable[tuple[int, int]], kept: Mapping[int, Kept]
) -> list[LostBlocks]:
    """Of these logical blocks and numbers; neighbours that one request took in one step
    are told together."""
    lost: list[LostBlocks] = []
    for at, number in known:
        of = kept.get(number) or Kept()
        one = LostBlocks(at, 1, of.lost_block, of.lost_step, of.taken_by)
        if of.num_holders:
            one = LostBlocks(at, 1, is_cached=True)
        if lost and _goes_on(lost[-1], one):
            lost[-1] = replace(lost[-1], count=lost[-1].count + 1)
        else:
            lost.append(one)
    return lost


def _goes_on(one: LostBlocks, other: LostBlocks) -> bool:
    return one.first + one.count == other.first and (
        (one.step, one.taken_by, one.is_cached)
        == (other.step, other.taken_by, other.is_cached)
    )


def group_lookups(
    notes: Sequence[GroupLooked], groups: Groups, kept: Mapping[int, Kept]
) -> list[GroupLookup]:
    """Of one lookup, as the cache was then."""
    names = group_names(groups)
    return [
        _group_lookup(note, groups, names[note.group], kept)
        for note in notes
        if note.group < len(groups)
    ]


def _group_lookup(
    note: GroupLooked, groups: Groups, name: str, kept: Mapping[int, Kept]
) -> GroupLookup:
    group = groups[note.group]
    known = pairs(note.known)
    end = note.num_known_tokens // group.block_size
    needed = [(at, number) for at, number in known if at < end]
    return GroupLookup(
        name=name,
        block_size=group.block_size,
        first_taken=note.hits[0].first if note.hits else 0,
        num_taken=sum(row.num_blocks for row in note.hits),
        num_had=_num_held(known, kept) if group.kind is GroupKind.FULL else None,
        lost=[one for one in lost_blocks(needed, kept) if not one.is_cached],
        missing=note.missing,
    )


def _num_held(known: Sequence[tuple[int, int]], kept: Mapping[int, Kept]) -> int:
    """How many of them from the first one on some block has."""
    for at, (_, number) in enumerate(known):
        of = kept.get(number)
        if of is None or not of.num_holders:
            return at
    return len(known)
