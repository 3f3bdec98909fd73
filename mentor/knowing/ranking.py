"""How well each note fits a question: by its wordings, its answers, its words.

Every sign is a number between 0 and about 1; their weights were fitted on half of a set
of questions, see docs/adr/0016.
"""

from dataclasses import dataclass

import numpy as np

from courseware.words import content_stems, stems
from mentor.knowing.knowledge import Knowledge, Numbers
from mentor.knowing.safetensors import Tensor

BEST_ASK, TWO_ASKS, BEST_ANSWER, WORDS_OF_ASKS, WORDS_OF_NOTE, IN_VIEW = range(6)
WEIGHTS = np.array([0.9, 0.6, 1.1, 0.1, 0.9, 0.5], dtype=np.float32)
ABOUT_VIEW = 3.0
"""Times the weight of what is in view, for a question about "this section"."""


@dataclass(frozen=True)
class Ranked:
    """The notes of a question, best first, with the signs that ranked them."""

    text: str
    """What was looked up."""
    vector: Tensor
    stems: list[str]
    signs: Tensor
    """(notes × 6)."""
    scores: Tensor
    order: Numbers
    word_scores: Tensor
    """BM25 of each note's words."""


def rank(
    known: Knowledge, text: str, vector: Tensor, section: str, is_about_view: bool
) -> Ranked:
    """All notes for the corrected ``text`` of a question and its vector."""
    asked = stems(text)
    by_ask = known.vectors_of_asks @ vector
    by_answer = known.vectors_of_answers @ vector
    word_scores = known.words_of_notes.scores(asked)
    signs = np.stack(
        [
            _best(by_ask, known.note_of_ask, len(known.notes)),
            _best_two(by_ask, known.note_of_ask, len(known.notes)),
            _best(by_answer, known.note_of_answer, len(known.notes)),
            _share(known.words_of_asks.scores(asked)),
            _share(word_scores),
            np.array([bool(section) and n.section == section for n in known.notes]),
        ],
        axis=1,
    ).astype(np.float32)
    weights = WEIGHTS.copy()
    weights[IN_VIEW] *= ABOUT_VIEW if is_about_view else 1
    scores = signs @ weights
    order = np.argsort(-scores, kind="stable")
    return Ranked(text, vector, content_stems(text), signs, scores, order, word_scores)


def _best(scores: Tensor, owner: Numbers, count: int) -> Tensor:
    found = np.full(count, -1, dtype=np.float32)
    np.maximum.at(found, owner, scores)
    return found


def _best_two(scores: Tensor, owner: Numbers, count: int) -> Tensor:
    """The mean of each owner's two best."""
    first = _best(scores, owner, count)
    rest = np.where(scores >= first[owner], np.float32(-1), scores)
    second = _best(rest, owner, count)
    return np.where(second > -1, (first + second) / 2, first)


def _share(scores: Tensor) -> Tensor:
    """Of the best score."""
    largest = float(scores.max(initial=0))
    return scores / largest if largest > 0 else scores
