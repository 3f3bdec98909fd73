"""Blocks that a lookup did not find any more, and what each KV-cache group had for it.
Pure; all fields are JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LostBlocks:
    """Blocks of one beginning that were in the cache and could not be hit."""

    first: int
    """Logical index of the first of them, from 0."""
    count: int
    block_id: int | None = None
    """Where the first one's keys and values were; None where that was not seen."""
    step: int | None = None
    """When they lost it,"""
    taken_by: int | None = None
    """and to which request."""
    is_cached: bool = False
    """Still in the cache, and out of reach: a block before them is gone."""


@dataclass(frozen=True)
class GroupLookup:
    """What one group had for a request that was admitted; its blocks count from 0."""

    name: str
    block_size: int
    first_taken: int
    num_taken: int
    """Blocks that it took from the cache: those it needs for the hit."""
    num_had: int | None = None
    """Blocks from the first one on that were in the cache; None for a group that does
    not need them all."""
    lost: list[LostBlocks] = field(default_factory=list)
    """Those that the hit in a pool without an end needs, and that were gone."""
    missing: int | None = None
    """The first one it was never given of those that the next longer hit needs."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "GroupLookup":
        """From its JSON object."""
        return cls(**{**data, "lost": [LostBlocks(**one) for one in data["lost"]]})

    def tokens(self, first: int, count: int = 1) -> str:
        """Of these blocks."""
        size = self.block_size
        return f"{first * size:,} to {(first + count) * size - 1:,}"


def first_lost(groups: list[GroupLookup]) -> LostBlocks | None:
    """The block that was taken first: from then on the longer hit was no more."""
    seen = [one for group in groups for one in group.lost if one.step is not None]
    return min(seen, key=lambda one: one.step or 0, default=None)
