"""Whether a short later question goes on with the one before it, or leaves the course.

"Is it reliable?" is looked up with the question before it, and so is "is coffee
healthy": the question before it would answer both. What is asked by itself tells them
apart: whether a pronoun stands for what was asked, how like it is to a question
outside, to notes' wordings and to what may follow any question ("and how long?"),
whether its words are the course's, whether it sounds like notes.
"""

import re

import numpy as np

from courseware.words import content_stems
from mentor.knowing.deciding import similarity_outside
from mentor.knowing.knowledge import Knowledge, outside
from mentor.knowing.safetensors import Tensor

_STANDS_FOR = re.compile(
    r"\b(?:it|its|they|them|their|these|those|that|this|ones?|the other|otherwise|"
    r"instead|then|(?<!is )(?<!are )there)\b",
    re.I,
)
WEIGHTS = np.array([2.19, -5.38, -4.96, 0.58, 0.34])
BIAS = -1.16
"""Of a logistic regression on half of some 370 later questions (docs/knowing.md)."""


def goes_on(known: Knowledge, own: str, vector: Tensor, score: float) -> bool:
    """Whether ``own``, a later question, its vector, is of what was asked before it;
    ``score`` is how surely the course answers both together."""
    asked = content_stems(own)
    if not asked:
        return True
    stands_for = bool(_STANDS_FOR.search(own))
    leaving = similarity_outside(known, vector)[1]
    rows = (known.vectors_of_asks, known.vectors_of_later)
    staying = max(float((some @ vector).max(initial=-1)) for some in rows)
    strange = 0.0 if stands_for else _strange(known, asked)
    signs = [stands_for, leaving - staying, strange, known.leans(vector), score]
    return float(signs @ WEIGHTS + BIAS) >= 0


def _strange(known: Knowledge, asked: list[str]) -> float:
    """Share of these stems, by rarity, that stand in no note and are of some thing."""
    strange = sum(known.rarity(one) for one in asked if not _is_known(known, one))
    return strange / sum(known.rarity(one) for one in asked)


def _is_known(known: Knowledge, one: str) -> bool:
    return one in outside().words_of_later or known.knows(one)
