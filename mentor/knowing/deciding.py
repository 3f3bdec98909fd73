"""Whether the course answers a question: to be sure, perhaps, or not at all.

Signals that err differently: how like the question is to the best note (its wordings,
its answer, how many of the question's rare words stand in it) and to the best
paragraph, how like it is to questions outside of the course, whether it sounds like any
that the notes answer (mentor.knowing.leaning), and whether the note has what is asked
for (mentor.knowing.asked_for). Weights are those of a logistic regression on all sets
of questions there were but the last, the two before it three times as heavy; the
thresholds were read off questions left out of the fit (docs/knowing.md).
"""

import re
from collections.abc import Iterable

import numpy as np

from courseware.words import stems
from mentor.knowing.asked_for import flags, focus
from mentor.knowing.knowledge import Knowledge, outside
from mentor.knowing.ranking import BEST_ANSWER, BEST_ASK, TWO_ASKS, Ranked
from mentor.knowing.safetensors import Tensor

WEIGHTS = np.array(
    [4.51, 2.57, -0.13, 3.57, 1.63, 1.63, 1.29, -3.89, 0.11, -1.78, -1.72, 1.03]
)
BIAS = -6.39
SURE, ANSWER, OFFER = 1.0, 0.0, -0.5
"""At least this sure: an answer; at least that: an answer of which the mentor says that
it may not be what was asked; at least the last: two or three to choose from."""
NEAR = 0.30
"""As like as this to a note, or to a question of the field, one is of the field."""
NEARER = 0.15
"""A question that is by so much more like one outside than like any note is outside,
whatever words it has in common with the course."""
NEARER_NEAR = 0.05
"""The same for one of the field, which has many words in common with it."""
MOST_RARE = 6.7
"""Rarity of a word that no note of the shipped course has."""
RARE = 3.0
"""Of a type that is named where it is meant: one note in twenty has it, or fewer."""
_TYPE = re.compile(r"(?!p\d\d$)[a-z]{1,3}\d{2,4}[a-z]{0,2}")
SAME = 0.9
"""A question as like as this to one that is known to be outside is that one, unless it
is more like a note's."""


def signs(known: Knowledge, ranked: Ranked) -> Tensor:
    """What the decision is made of, in the order of WEIGHTS."""
    best = int(ranked.order[0])
    near, out = similarity_outside(known, ranked.vector)
    weights = {one: known.rarity(one) for one in ranked.stems}
    total = sum(weights.values()) or 1.0
    in_note = sum(w for s, w in weights.items() if s in known.stems_of_notes[best])
    in_course = sum(w for s, w in weights.items() if known.knows(s))
    per_word = float(ranked.word_scores[best]) / max(1, len(ranked.stems))
    row = ranked.signs[best]
    told = float((known.vectors_of_passages @ ranked.vector).max(initial=0))
    alike = max(row[BEST_ASK], row[BEST_ANSWER], told)
    return np.array(
        [
            row[BEST_ASK],
            row[TWO_ASKS],
            row[BEST_ANSWER],
            in_note / total,
            in_course / total,
            min(per_word, 3) / 3,
            out,
            near,
            told,
            max(0.0, out - alike),
            unsaid_focus(known, ranked),
            known.leans(ranked.vector),
        ]
    )


def unsaid_focus(known: Knowledge, ranked: Ranked) -> float:
    """Of what is asked for ("how many *lines*"), the rarity of the rarest word that the
    best note does not have; between 0 and 1."""
    note = known.stems_of_notes[int(ranked.order[0])]
    unsaid = (known.rarity(one) for one in focus(ranked.text) if one not in note)
    return min(max(unsaid, default=0.0) / MOST_RARE, 1.0)


def num_neighbours(known: Knowledge, ranked: Ranked) -> int:
    """Words of the field's neighbourhood that the best note does not have, such as
    "Ollama"; of SGLang one note speaks, and only that one may answer."""
    names, note = outside().words, known.stems_of_notes[int(ranked.order[0])]
    return sum(one in names and one not in note for one in ranked.stems)


def sureness(known: Knowledge, ranked: Ranked) -> float:
    """The logarithm of the odds that the best note answers the question; too low for
    an offer where it names what that note does not."""
    score = float(signs(known, ranked) @ WEIGHTS + BIAS)
    near_by, out_by = similarity_outside(known, ranked.vector)
    outside_by = max(near_by, out_by)
    inside_by = float(ranked.signs[:, BEST_ASK].max(initial=-1))
    is_nearer = near_by - inside_by > NEARER_NEAR or out_by - inside_by > NEARER
    if is_nearer or num_neighbours(known, ranked):
        return min(score, OFFER - 0.01)
    is_known = outside_by > max(SAME, inside_by)
    return min(score, ANSWER - 0.01) if is_known else score


def num_unsaid(known: Knowledge, ranked: Ranked, said: Iterable[str]) -> int:
    """Types of a card or a model in a question, such as "B200", that what is to be said
    does not have: it would be about another one. The chapter's own cards, of which many
    notes speak, may go without saying."""
    told = {one for text in said for one in stems(text)}
    types = (one for one in ranked.stems if _TYPE.fullmatch(one))
    return sum(
        one not in told and not (known.knows(one) and known.rarity(one) < RARE)
        for one in types
    )


def unknown_names(known: Knowledge, question: str) -> list[str]:
    """Names in a question, as it was written, that the course does not have: of a
    product, a place, a method. About them it says nothing, so what it has about the
    rest would be another answer."""
    names = known.spelling.strange_names(question)
    return [name for name in names if name.lower() not in outside().common]


def are_elsewhere(known: Knowledge, question: str) -> bool:
    """Whether a question names flags, variables or parameters, and the course none of
    them."""
    named = flags(question)
    return bool(named) and not any(map(known.writes, named))


def similarity_outside(known: Knowledge, vector: Tensor) -> tuple[float, float]:
    """(near, out): the cosine with the most alike question that is outside."""
    near, out = known.vectors_outside
    return float((near @ vector).max()), float((out @ vector).max())


def is_near(known: Knowledge, ranked: Ranked) -> bool:
    """Whether a question that is not answered is at least of this field."""
    near, out = similarity_outside(known, ranked.vector)
    if any(one in outside().words for one in ranked.stems):
        return True
    best = float(ranked.signs[:, (BEST_ASK, BEST_ANSWER)].max(initial=0))
    return max(near, best) > max(NEAR, out)
