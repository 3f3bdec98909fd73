"""Why something came out so in an engine: facts, and the sentences made of them."""

from lab.reasons.facts import (
    Bill,
    Difference,
    Lookup,
    Reason,
    Refusal,
    Taker,
)
from lab.reasons.lost import GroupLookup, LostBlocks, first_lost
from lab.reasons.untold import untold_words
from lab.reasons.words import Queue, hit_words, total_words, wait_words

__all__ = [
    "Bill",
    "Difference",
    "GroupLookup",
    "Lookup",
    "LostBlocks",
    "Queue",
    "Reason",
    "Refusal",
    "Taker",
    "first_lost",
    "hit_words",
    "total_words",
    "untold_words",
    "wait_words",
]
