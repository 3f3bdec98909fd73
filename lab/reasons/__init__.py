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
from lab.reasons.words import Queue, hit_words, total_words, wait_words

__all__ = [
    "Bill",
    "Difference",
    "Lookup",
    "LostBlocks",
    "Queue",
    "Reason",
    "Refusal",
    "Taker",
    "hit_words",
    "total_words",
    "wait_words",
]
