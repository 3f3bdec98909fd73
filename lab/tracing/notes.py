"""Notes: what a StepTrace tells of block hashes and lookups, by numbers. Pure.

A block's hash stands for its tokens and all before them. Here each hash that was put
into the prefix cache has a *number*, made up per engine run as it is first cached: two
blocks of one number hold the same beginning, and no number says which. vLLM's pool
forgets a hash that it evicts; the number stays, as long as HashNumbers remembers it.

Words of a record's notes, one after the other, in the order in which it happened::

    kind | number of words that follow << 8
        BLOCKS     n x (block id, number | REMOVED)
                   a block got this hash, or lost it
        LOOKUP     short_id, tokens looked up, tokens found, LOOKED or 0,
                   n x (first number, count)
                   a request was admitted: the numbers of the hashes that its
                   prompt begins with and that were in the cache once, from the first
                   one on. A pool without an end would have found all of them.
        REFUSED    short_id, blocks needed, tokens found
                   the first of the queue did not get its blocks in this step
        FORGOTTEN  how many numbers are forgotten so far
        FRONT      n x block id: these stand first now in the queue of free blocks
        BACK       n x block id: these stand last in it
        GROUPS     the model's KV-cache groups (lab/tracing/groups.py)
        COMPILING  n x short_id: these wait for their grammar, which vLLM has not found
                   compiled yet; told when they are others, and with each SNAPSHOT
        GROUP_LOOKUP, TELLS_HITS
                   of a model with such groups (lab/tracing/group_notes.py)

What happens after a LOOKUP, up to the next one, is done for its request.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from lab.tracing.group_notes import GROUP_KINDS, GroupLooked, Hits, group_notes
from lab.tracing.trace import StepTrace, TraceError

REMOVED = 1 << 31
LOOKED = 1
"""The prefix cache was asked: it is on, and the request may read it."""


class NoteKind(IntEnum):
    """The first byte of a note."""

    BLOCKS = 1
    LOOKUP = 2
    REFUSED = 3
    FORGOTTEN = 4
    FRONT = 5
    BACK = 6
    COMPILING = 10
    """Those between are of lab.tracing.groups and group_notes."""


class Hashed(NamedTuple):
    """A block got a hash, or lost it."""

    block_id: int
    number: int
    is_removed: bool


class LookedUp(NamedTuple):
    """A request was admitted."""

    short_id: int
    num_tokens: int
    num_hit_tokens: int
    is_looked_up: bool
    known: tuple[tuple[int, int], ...]
    """Runs of numbers: the first one, and how many."""


class Refused(NamedTuple):
    """The first of the queue did not get its blocks."""

    short_id: int
    num_needed: int
    """Free blocks that it needs, those among them that it would hit."""
    num_hit_tokens: int


class Forgotten(NamedTuple):
    """Hashes whose number is lost; cached anew, they get another one."""

    num_numbers: int


class Freed(NamedTuple):
    """Blocks that nobody holds any more, in the order in which they will be taken."""

    block_ids: list[int]
    is_front: bool


class Compiling(NamedTuple):
    """Requests that wait for their grammar: these, and no others."""

    short_ids: list[int]


def blocks_note(log: list[int]) -> list[int]:
    """The words of BLOCKS; none where nothing happened."""
    return [NoteKind.BLOCKS | len(log) << 8, *log] if log else []


def freed_note(block_ids: list[int], *, is_front: bool) -> list[int]:
    """The words of FRONT or BACK; none for no block."""
    kind = NoteKind.FRONT if is_front else NoteKind.BACK
    return [kind | len(block_ids) << 8, *block_ids] if block_ids else []


def compiling_note(short_ids: list[int]) -> list[int]:
    """The words of COMPILING."""
    return [NoteKind.COMPILING | len(short_ids) << 8, *short_ids]


Note = Compiling | Freed | Hashed | LookedUp | Refused | Forgotten | GroupLooked | Hits


def lookup_note(
    short_id: int, num_tokens: int, num_hit: int, is_looked_up: bool, known: list[int]
) -> list[int]:
    """The words of a LOOKUP."""
    runs: list[int] = []
    for number in known:
        if runs and number == runs[-2] + runs[-1]:
            runs[-1] += 1
        else:
            runs += (number, 1)
    first = NoteKind.LOOKUP | (4 + len(runs)) << 8
    return [first, short_id, num_tokens, num_hit, LOOKED * is_looked_up, *runs]


def notes_of(trace: StepTrace) -> Iterator[Note]:
    """The notes of a trace; raises ValueError, a TraceError among them, when they are
    none."""
    words, at = trace.notes.tolist(), 0
    while at < len(words):
        kind, size = words[at] & 0xFF, words[at] >> 8
        body = words[at + 1 : at + 1 + size]
        at += 1 + size
        if len(body) != size:
            raise TraceError("A trace record ends inside its notes.")
        if kind == NoteKind.BLOCKS and size % 2 == 0:
            for block_id, word in zip(body[::2], body[1::2], strict=True):
                yield Hashed(block_id, word & ~REMOVED, word >= REMOVED)
        elif kind == NoteKind.LOOKUP and size >= 4 and size % 2 == 0:
            runs = tuple(zip(body[4::2], body[5::2], strict=True))
            yield LookedUp(body[0], body[1], body[2], body[3] == LOOKED, runs)
        elif kind == NoteKind.REFUSED and size == 3:
            yield Refused(*body)
        elif kind == NoteKind.FORGOTTEN and size == 1:
            yield Forgotten(*body)
        elif kind in (NoteKind.FRONT, NoteKind.BACK, NoteKind.COMPILING):
            yield _listed(kind, body)
        elif kind in GROUP_KINDS:
            yield from group_notes(kind, body)
        else:
            raise TraceError(f"A trace record has a note of kind {kind}, size {size}.")


def _listed(kind: int, body: list[int]) -> Freed | Compiling:
    """A note that is a list of ids."""
    if kind == NoteKind.COMPILING:
        return Compiling(body)
    return Freed(body, kind == NoteKind.FRONT)
