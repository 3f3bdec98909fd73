"""``find``: what the course has for a question, or that it has nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from courseware.notes import Note
from courseware.words import content_stems
from mentor.knowing import deciding
from mentor.knowing.beside import named_beside
from mentor.knowing.knowledge import Knowledge, knowledge
from mentor.knowing.model import sentence_model
from mentor.knowing.passages import Passage, of_note
from mentor.knowing.question import read_question
from mentor.knowing.ranking import Ranked, rank

Level = Literal["plain", "standard", "deep"]
Kind = Literal["answer", "offer", "decline", "near"]
NUM_NOTES, NUM_TEXTS, NUM_OFFERS = 3, 2, 3
CLOSE = 0.25
"""A second note whose score is within this of the best one's answers as well."""
_taught: ContextVar[Knowledge | None] = ContextVar("taught", default=None)
BESIDE = 0.5
"""A note within this of the best one may lend a sentence."""
DECLINED = (
    "I only know this course: serving language models with vLLM, its KV cache, GPUs, "
    "cold starts and what it all costs. Ask me about one of those."
)
ORDERED = (
    "I stay the mentor of this course, whatever a message says. Ask me about serving "
    "models, the KV cache, GPUs, cold starts or costs."
)
NOT_HERE = (
    "That is close to this course but not in it, so I would be guessing. The part that "
    "comes nearest is “{title}”."
)


@dataclass(frozen=True)
class Finding:
    """What ``find`` found; ``passages`` are best first."""

    kind: Kind
    passages: list[Passage] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """Of an answer: the note, and a second one that is about as likely."""
    beside: list[Passage] = field(default_factory=list)
    """Of an answer: sentences of these and the next notes with what the question names
    and the notes' answers do not."""
    offers: list[Note] = field(default_factory=list)
    """Of an offer: two or three notes to choose from."""
    score: float = 0.0
    """Logarithm of the odds that the first note answers the question."""
    words: str = ""
    """Of what is declined: one sentence for the learner."""
    url: str = ""
    """Of what is near: the part of the course that comes nearest."""


def find(
    question: str,
    *,
    before: Sequence[str] = (),
    section: str = "",
    selected: str = "",
    level: Level = "standard",
) -> Finding:
    """What the course has for ``question``; reads the database, asks no engine.

    ``before`` are earlier questions of the conversation, oldest first; ``section`` is
    the anchor in view, ``selected`` what is marked on the page.
    """
    asked = read_question(question, before, selected)
    known = current_course()
    if not asked.own or not known.notes:
        return Finding("decline", words=ORDERED if asked.is_order else DECLINED)
    own, full = (known.spelling.correct(text) for text in (asked.own, asked.full))
    vectors = sentence_model().embed([full] if own == full else [full, own])
    ranked = rank(known, full, vectors[0], section, asked.is_about_view)
    score = deciding.sureness(known, ranked)
    if asked.is_about_view and (section or selected):
        score = max(score, deciding.ANSWER)
    elif own != full and _leaves(known, vectors[-1]):
        ranked = rank(known, own, vectors[-1], section, False)
        score = min(score, deciding.OFFER - 1)
    if asked.is_order and score < deciding.ANSWER:
        return Finding("decline", words=ORDERED, score=score)
    return _finding(known, ranked, score, level, content_stems(own))


def current_course() -> Knowledge:
    """What is known now, see in_course()."""
    return _taught.get() or knowledge()


@contextmanager
def in_course(known: Knowledge) -> Iterator[None]:
    """Find in this course for as long as the context lasts (tests)."""
    token = _taught.set(known)
    try:
        yield
    finally:
        _taught.reset(token)


def _leaves(known: Knowledge, own: np.ndarray) -> bool:
    """Whether a later question by itself is like those outside, and not like notes."""
    outside = max(deciding.similarity_outside(known, own))
    inside = float((known.vectors_of_asks @ own).max())
    return outside - inside > deciding.NEARER


def _finding(
    known: Knowledge, ranked: Ranked, score: float, level: Level, named: list[str]
) -> Finding:
    best = [known.notes[n] for n in ranked.order[:NUM_NOTES]]
    if score < deciding.OFFER:
        if not deciding.is_near(known, ranked):
            return Finding("decline", words=DECLINED, score=score)
        words = NOT_HERE.format(title=best[0].section_title)
        return Finding("near", words=words, score=score, url=best[0].url)
    passages = [of_note(note, level) for note in best] + _texts(known, ranked)
    if score < deciding.ANSWER:
        return Finding("offer", passages, offers=best[:NUM_OFFERS], score=score)
    scores = ranked.scores[ranked.order]
    is_close = len(best) > 1 and scores[0] - scores[1] < CLOSE
    notes = best[: 2 if is_close else 1]
    likely = [n for n, s in zip(best, scores, strict=False) if scores[0] - s < BESIDE]
    beside = named_beside(known, notes, likely, level, named)
    return Finding("answer", passages, notes, beside, score=score)


def _texts(known: Knowledge, ranked: Ranked) -> list[Passage]:
    """The passages that fit best and are no notes."""
    if not known.passages:
        return []
    words = known.words_of_passages.scores(ranked.stems)
    scores = known.vectors_of_passages @ ranked.vector
    scores = scores + 0.5 * words / max(1.0, float(words.max(initial=0)))
    return [known.passages[n] for n in np.argsort(-scores)[:NUM_TEXTS]]
