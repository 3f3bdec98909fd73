"""KV-cache groups: which layers share block tables, and what a block holds. Pure.

vLLM gives the layers of one kind a block table of their own for each request; blocks of
all groups come from one pool, so that an id stands for one block whoever holds it. A
model of full attention alone has one group, PLAIN, of which nothing is told. Any other
tells its groups as the first note of each SNAPSHOT::

    GROUPS     n x (kind, tokens a block, window, layers)

A table gives a block up before its request ends where the group's layers will not look
at its tokens again: the null block 0 takes its place.
"""

from collections.abc import Sequence
from enum import IntEnum
from math import lcm
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

GROUPS = 7
"""The note's kind, among those of lab.tracing.notes."""
WORDS_A_GROUP = 4
MOST_GROUPS = 127
NULL_BLOCK = 0


class GroupKind(IntEnum):
    """What the layers of a group look at."""

    FULL = 0
    """All tokens; with a window, all are kept though the last ones are looked at."""
    WINDOW = 1
    """The last ``window`` tokens."""
    CHUNK = 2
    """The tokens of the chunk of ``window`` tokens that they are in."""
    STATE = 3
    """A state of constant size; a block holds one, as it was after some token."""
    OTHER = 4


class Group(NamedTuple):
    """Layers of a model that share block tables."""

    kind: GroupKind
    block_size: int
    """Tokens a block stands for."""
    window: int = 0
    """Tokens; 0: there is none."""
    num_layers: int = 0
    """0: not told."""

    def needed(self, num_tokens: int) -> range:
        """Logical blocks that have to be cached for a hit of so many whole blocks'
        tokens, by vLLM's rules: of a window as many whole blocks as ``window`` - 1
        tokens can reach into, or all there are; of a state the last one alone."""
        end = num_tokens // self.block_size
        match self.kind:
            case GroupKind.WINDOW:
                return range(
                    max(0, end - -(-(self.window - 1) // self.block_size)), end
                )
            case GroupKind.CHUNK:
                start = num_tokens // self.window * self.window
                return range(start // self.block_size, end)
            case GroupKind.STATE:
                return range(max(0, end - 1), end)
        return range(end)


Groups = tuple[Group, ...]


def step_of_hits(groups: Groups) -> int:
    """Hits of all groups end at multiples of so many tokens."""
    return lcm(*[group.block_size for group in groups])


def token_sizes(groups: Groups) -> list[int]:
    """Tokens a block, each size once; a state's block holds none."""
    return sorted({one.block_size for one in groups if one.kind != GroupKind.STATE})


def plain(block_size: int) -> Groups:
    """The one group of a model of full attention alone."""
    return (Group(GroupKind.FULL, block_size),)


def group_names(groups: Groups) -> list[str]:
    """What the layers of each group look at, numbered where several are of a kind; as
    static/js/lab/groups.js has it."""
    words = [_kind_words(group) for group in groups]
    names = []
    for at, one in enumerate(words):
        number, alike = words[: at + 1].count(one), words.count(one)
        names.append(f"{one} ({number} of {alike})" if alike > 1 else one)
    return names


def _kind_words(group: Group) -> str:
    match group.kind:
        case GroupKind.WINDOW:
            return f"sliding window of {group.window:,} tokens"
        case GroupKind.CHUNK:
            return f"chunks of {group.window:,} tokens"
        case GroupKind.STATE:
            return "states"
        case GroupKind.FULL:
            window = f"window of {group.window:,} tokens, all kept"
            return window if group.window else "full attention"
    return "other layers"


def groups_note(groups: Groups) -> list[int]:
    """The words of GROUPS."""
    words = [word for group in groups for word in group]
    return [GROUPS | len(words) << 8, *words]


def told_groups(notes: npt.NDArray[np.uint32]) -> Groups | None:
    """The groups that a snapshot's notes begin with; None where they tell of none.

    Raises ValueError where the note is not one.
    """
    if not len(notes) or int(notes[0]) & 0xFF != GROUPS:
        return None
    size = int(notes[0]) >> 8
    return groups_of(notes[1 : 1 + size].tolist(), size)


def groups_of(words: Sequence[int], size: int) -> Groups:
    """The groups of ``size`` words; raises ValueError where they are none."""
    num_groups, rest = divmod(size, WORDS_A_GROUP)
    if rest or len(words) != size or not 0 < num_groups <= MOST_GROUPS:
        raise ValueError(f"KV-cache groups cannot be told in {len(words)} words.")
    rows = [words[at : at + WORDS_A_GROUP] for at in range(0, size, WORDS_A_GROUP)]
    if not all(row[1] for row in rows):
        raise ValueError("A KV-cache group has blocks of no token.")
    return tuple(Group(GroupKind(row[0]), *row[1:]) for row in rows)
