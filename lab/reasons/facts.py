"""Why a prefix was hit or missed, what evictions cost, why a request waits: in numbers.

Made by lab.tracing.ledger from the notes of an engine's trace. Requests appear by their
short ids, tokens by their place; no text. All fields are JSON.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lab.reasons.lost import GroupLookup, LostBlocks

Reason = Literal["off", "short", "whole", "evicted", "new"]
"""off: the prefix cache was not asked · short: no whole block before the last token ·
whole: all that can be hit was · evicted: the next block was cached once · new: it
never was."""


@dataclass(frozen=True)
class Lookup:
    """What the prefix cache had for a request when it was admitted."""

    short_id: int
    step: int
    block_size: int
    num_tokens: int
    """Tokens looked up: the prompt, after a preemption with the answer so far."""
    num_hit_tokens: int
    num_known_tokens: int
    """What a pool that never evicts would have found."""
    is_looked_up: bool = True
    is_resumed: bool = False
    """Whether it was preempted before."""
    lost: list[LostBlocks] = field(default_factory=list)
    """Empty where there are groups, which tell it of themselves."""
    ms: float | None = None
    """Time to compute what was lost: its share of its steps, by tokens, so far; None
    until the first of them is over, or where none was seen whole."""
    since_step: int = 0
    """From when on it is known what was cached: "never" means since then."""
    num_forgotten: int = 0
    """Hashes that were forgotten by then."""
    groups: list[GroupLookup] = field(default_factory=list)
    """Of a model whose layers do not all use full attention. ``block_size`` is then
    the step of its hits: a multiple of each group's."""

    @property
    def num_hit_blocks(self) -> int:
        """Whole blocks that it took from the cache; the next one was missed."""
        return self.num_hit_tokens // self.block_size

    @property
    def most_blocks(self) -> int:
        """Whole blocks that can be hit: the last token is always computed."""
        return max(0, self.num_tokens - 1) // self.block_size

    @property
    def num_again_tokens(self) -> int:
        """Tokens computed again though they were cached once."""
        return self.num_known_tokens - self.num_hit_tokens

    @property
    def reason(self) -> Reason:
        """Why it took no more."""
        if not self.is_looked_up:
            return "off"
        if not self.most_blocks:
            return "short"
        if self.num_hit_blocks >= self.most_blocks:
            return "whole"
        return "evicted" if self.num_again_tokens else "new"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Lookup":
        """From its JSON object."""
        lost = [LostBlocks(**one) for one in data["lost"]]
        groups = [GroupLookup.from_json(one) for one in data.get("groups", ())]
        return cls(**{**data, "lost": lost, "groups": groups})


@dataclass(frozen=True)
class Refusal:
    """The first of the queue did not get its blocks."""

    short_id: int
    step: int
    num_needed: int
    """Free blocks that vLLM wants for it,"""
    num_free: int
    """and those there were."""
    num_hit_tokens: int = 0
    """Prompt tokens that it would take from the prefix cache."""

    @property
    def num_missing(self) -> int:
        """Blocks that have to come free."""
        return self.num_needed - self.num_free


@dataclass(frozen=True)
class Taker:
    """A request whose blocks had kept what was needed again."""

    short_id: int
    num_tokens: int


@dataclass(frozen=True)
class Bill:
    """What evictions cost in all: tokens computed though they were cached once.

    Exactly: tokens looked up, less those found, less those that a pool that never
    evicts would compute for the same lookups.
    """

    since_step: int = 0
    num_lookups: int = 0
    num_tokens: int = 0
    """Looked up,"""
    num_hit_tokens: int = 0
    """found,"""
    num_known_tokens: int = 0
    """and what a pool that never evicts would have found."""
    ms: float = 0.0
    num_forgotten: int = 0
    """More than 0: such a pool would have found more, and how much is not known."""
    takers: list[Taker] = field(default_factory=list)
    """Up to eight, the most tokens first."""

    @property
    def num_again_tokens(self) -> int:
        """Computed twice."""
        return self.num_known_tokens - self.num_hit_tokens

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Bill":
        """From its JSON object."""
        takers = [Taker(**one) for one in data["takers"]]
        return cls(**{**data, "takers": takers})


@dataclass(frozen=True)
class Difference:
    """How far a request begins like another of the same learner."""

    short_id: int
    other: int
    """The one before it with most tokens in common."""
    token: int
    """Place of the first token that differs, from 0; where the shorter one is at its
    end, its length."""
    is_salted: bool = False
    """They have other cache salts, so that no block of one serves the other."""

    def block(self, block_size: int) -> int:
        """The block of that token, from 0."""
        return self.token // block_size


def to_json(fact: Lookup | Refusal | Bill | Difference) -> dict[str, Any]:
    """Its JSON object."""
    return asdict(fact)
