"""Notes of a lookup where a model has several KV-cache groups, or one that gives blocks
up. Pure.

A hit is the longest that all groups have the blocks for, so that each of them tells of
itself, right before the LOOKUP that they are of (lab.tracing.notes)::

    GROUP_LOOKUP  group, tokens that a pool without an end would have found, logical
                  block + 1 that the group lacks for the next longer hit even there or
                  0, number of rows of hits, rows of hits, rows of known ones;
                  a row: first logical block, number of its hash, count
    TELLS_HITS    a Hits: whether lookups are told at all; with a SNAPSHOT

Known of a group of full attention are all blocks from the first one on that were ever
cached; of the others those that the hit in a pool without an end needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from lab.tracing.groups import GROUPS, groups_of

GROUP_LOOKUP = 8
TELLS_HITS = 9
"""The notes' kinds, among those of lab.tracing.notes."""
GROUP_KINDS = (GROUPS, GROUP_LOOKUP, TELLS_HITS)
_HEAD = 4


class Hits(IntEnum):
    """Whether it is told why a prefix was hit or missed, or what makes that unknown."""

    TOLD = 0
    UNTOLD = 1
    """A recording from before they were told."""
    KIND = 2
    """A group of a kind whose hits follow other rules."""
    DRAFTS = 3
    """Speculative decoding: some groups give their last block up again."""
    PARTS = 4
    """Hits may end inside a block."""
    CONNECTOR = 5
    """A KV connector adds to what is found."""
    RANKS = 6
    """Context parallelism: ranks share a block."""


class Row(NamedTuple):
    """Blocks that follow each other, and so do the numbers of their hashes."""

    first: int
    number: int
    num_blocks: int


class GroupLooked(NamedTuple):
    """What one group had for a request that was admitted."""

    group: int
    num_known_tokens: int
    missing: int | None
    hits: tuple[Row, ...]
    known: tuple[Row, ...]


Pairs = Iterable[tuple[int, int]]
"""Logical blocks and the numbers of their hashes."""


def group_note(
    group: int, num_known: int, missing: int | None, hits: Pairs, known: Pairs
) -> list[int]:
    """The words of GROUP_LOOKUP."""
    rows, more = _rows(hits), _rows(known)
    body = [group, num_known, 0 if missing is None else missing + 1, len(rows) // 3]
    body += rows + more
    return [GROUP_LOOKUP | len(body) << 8, *body]


def hits_note(hits: Hits) -> list[int]:
    """The words of TELLS_HITS."""
    return [TELLS_HITS | 1 << 8, hits]


def group_looked(body: Sequence[int]) -> GroupLooked:
    """The note of these words; raises ValueError where it is none."""
    if len(body) < _HEAD or (len(body) - _HEAD) % 3:
        raise ValueError(f"A group's lookup cannot be told in {len(body)} words.")
    rows = [Row(*body[at : at + 3]) for at in range(_HEAD, len(body), 3)]
    group, num_known, missing, num_hits = body[:_HEAD]
    if num_hits > len(rows):
        raise ValueError(f"A group's lookup has {num_hits} rows of hits.")
    return GroupLooked(
        group,
        num_known,
        missing - 1 if missing else None,
        tuple(rows[:num_hits]),
        tuple(rows[num_hits:]),
    )


def pairs(rows: Iterable[Row]) -> list[tuple[int, int]]:
    """Each logical block and its number."""
    return [
        (row.first + at, row.number + at)
        for row in rows
        for at in range(row.num_blocks)
    ]


def group_notes(kind: int, body: Sequence[int]) -> Iterator[GroupLooked | Hits]:
    """The notes of one of GROUP_KINDS; raises ValueError where it is none."""
    if kind == GROUP_LOOKUP:
        yield group_looked(body)
    elif kind == TELLS_HITS:
        (told,) = body
        yield Hits(told)
    else:
        groups_of(body, len(body))


def _rows(numbered: Pairs) -> list[int]:
    rows: list[int] = []
    for block, number in numbered:
        is_next = rows and block == rows[-3] + rows[-1]
        if is_next and number == rows[-2] + rows[-1]:
            rows[-1] += 1
        else:
            rows += (block, number, 1)
    return rows
