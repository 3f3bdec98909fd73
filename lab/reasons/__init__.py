"""Why something came out so in an engine: facts, and the sentences made of them."""

from lab.reasons.facts import (
    Bill,
    Difference,
    Lookup,
    LostBlocks,
    Reason,
    Refusal,
    Taker,
)

__all__ = [
    "Bill",
    "Difference",
    "Lookup",
    "LostBlocks",
    "Reason",
    "Refusal",
    "Taker",
]
