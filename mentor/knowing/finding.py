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
from mentor.knowing.following import goes_on
from mentor.knowing.knowledge import Knowledge, as_read, knowledge
from mentor.knowing.passages import Passage, of_note
from mentor.knowing.question import Asked, read_question
from mentor.knowing.quoting import paragraph, quoted
from mentor.knowing.ranking import Ranked, rank
from mentor.knowing.remembered import vectors_of_question
from mentor.knowing.spelling import distance
from mentor.knowing.talk import SHORT, talk
from mentor.knowing.terms import Term, naming, says, term_of

Level = Literal["plain", "standard", "deep"]
Kind = Literal["answer", "offer", "decline", "near", "talk"]
NUM_NOTES, NUM_TEXTS, NUM_OFFERS, NUM_SAID = 3, 2, 3, 2
CLOSE = 0.25
"""A second note whose score is within this of the best one's answers as well."""
_taught: ContextVar[Knowledge | None] = ContextVar("taught", default=None)
_held: ContextVar[list[Knowledge] | None] = ContextVar("held", default=None)
LEFT_BEHIND = frozenset({"talk", "decline"})
"""Kinds of findings with whose question no later one goes on."""
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
NOT_JUST = "The course may not say just that. What it says nearest to it:"
NOT_SURE = "I am not sure that the course says that. These come nearest."


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
    """Of an offer: two or three notes to choose from; of what is near: what the course
    does say."""
    score: float = 0.0
    """Logarithm of the odds that the first note answers the question."""
    words: str = ""
    """Of what is declined, in doubt, or asks nothing: a sentence for the learner. With
    an answer it says that it may not be what was asked."""
    url: str = ""
    """Of what is near: the part of the course that comes nearest."""

    @property
    def is_doubted(self) -> bool:
        """Whether it is an answer that may not be one to what was asked."""
        return self.kind == "answer" and bool(self.words)


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
    if reply := _reply(known, asked, bool(before), selected):
        return reply
    own, full = (known.spelling.correct(text) for text in (asked.own, asked.full))
    vectors = vectors_of_question([full] if own == full else [full, own])
    ranked = rank(known, full, vectors[0], section, asked.is_about_view)
    score = deciding.sureness(known, ranked)
    if asked.is_about_view and (section or selected):
        score = max(score, deciding.SURE)
    elif own != full:
        if goes_on(known, own, vectors[-1], score):
            score = max(score, deciding.ANSWER)
        else:
            ranked = rank(known, own, vectors[-1], section, False)
            score = min(score, deciding.OFFER - 1)
    if deciding.unknown_names(known, asked.own) and not asked.is_about_view:
        score = min(score, deciding.OFFER - 0.01)
    if asked.is_order and score < deciding.ANSWER:
        return Finding("decline", words=ORDERED, score=score)
    if deciding.are_elsewhere(known, asked.own):
        return _near(known, ranked, min(score, deciding.OFFER - 0.01), level)
    term = None if asked.is_about_view or selected else term_of(known, own)
    if term and term.is_defined:
        return _defined(known, ranked, max(score, deciding.ANSWER), level, term)
    if term and len(term.stems) == 1 and own == full:
        num_mended = distance(own.lower(), asked.own.lower(), 1)
        return _undefined(known, ranked, level, term, num_mended)
    return _finding(known, ranked, score, level, content_stems(own))


def foresee(question: str) -> None:
    """Compute the vector of a question that is about to be looked up, so that it is
    there then; of one that needs the question before it this is not the one."""
    asked = read_question(question, (), "")
    if asked.own:
        known = _taught.get() or as_read()
        vectors_of_question([known.spelling.correct(asked.own)])


def _reply(
    known: Knowledge, asked: Asked, is_later: bool, selected: str
) -> Finding | None:
    """What is said where nothing is asked of the course; None where something is."""
    is_alone = asked.own and not selected.strip()
    if is_alone and (said := talk(asked.said, known.spelling.knows)):
        return Finding("talk", words=said)
    if not asked.own or not known.notes:
        return Finding("decline", words=ORDERED if asked.is_order else DECLINED)
    is_about_more = is_later or asked.is_about_view
    is_clear = is_about_more or content_stems(known.spelling.correct(asked.own))
    return None if is_clear else Finding("talk", words=SHORT)


def current_course() -> Knowledge:
    """What is known now, see in_course() and one_course()."""
    if taught := _taught.get():
        return taught
    held = _held.get()
    if held is None:
        return knowledge()
    if not held:
        held.append(knowledge())
    return held[0]


@contextmanager
def one_course() -> Iterator[None]:
    """Look once whether the course has changed, for as long as the context lasts."""
    token = _held.set([])
    try:
        yield
    finally:
        _held.reset(token)


@contextmanager
def in_course(known: Knowledge) -> Iterator[None]:
    """Find in this course for as long as the context lasts (tests)."""
    token = _taught.set(known)
    try:
        yield
    finally:
        _taught.reset(token)


def _finding(
    known: Knowledge, ranked: Ranked, score: float, level: Level, named: list[str]
) -> Finding:
    best = [known.notes[n] for n in ranked.order[:NUM_NOTES]]
    if score < deciding.OFFER:
        if told := paragraph(known, ranked, named):
            passages = _passages(known, ranked, best, level)
            return Finding("answer", passages, beside=told, score=score, words=NOT_JUST)
        if not deciding.is_near(known, ranked):
            return Finding("decline", words=DECLINED, score=score)
        return _near(known, ranked, score, level)
    passages = _passages(known, ranked, best, level)
    if score < deciding.ANSWER:
        offers = best[:NUM_OFFERS]
        return Finding("offer", passages, offers=offers, score=score, words=NOT_SURE)
    scores = ranked.scores[ranked.order]
    is_close = len(best) > 1 and scores[0] - scores[1] < CLOSE
    notes = best[: 2 if is_close else 1]
    likely = [n for n, s in zip(best, scores, strict=False) if scores[0] - s < BESIDE]
    beside = named_beside(known, notes, likely, level, named)
    said = [*(note.answer(level) for note in notes), *(one.text for one in beside)]
    beside += quoted(known, ranked, said, named)
    if deciding.num_unsaid(known, ranked, [*said, *(one.text for one in beside)]):
        return _near(known, ranked, score, level)
    words = "" if score >= deciding.SURE else NOT_JUST
    return Finding("answer", passages, notes, beside, score=score, words=words)


def _near(known: Knowledge, ranked: Ranked, score: float, level: Level) -> Finding:
    """That the course does not say it, where to read on, and what it does say."""
    best = [known.notes[n] for n in ranked.order[:NUM_NOTES]]
    passages = _passages(known, ranked, best, level)
    words, offers = NOT_HERE.format(title=best[0].section_title), best[:NUM_SAID]
    return Finding(
        "near", passages, offers=offers, score=score, words=words, url=best[0].url
    )


def _defined(
    known: Knowledge, ranked: Ranked, score: float, level: Level, term: Term
) -> Finding:
    """What defines the term that is all of a question: a note, or the glossary."""
    order = [int(n) for n in ranked.order]
    defining = [known.notes[n] for n in order if n in term.notes][:1]
    best = [known.notes[n] for n in order[:NUM_NOTES]]
    notes = [*defining, *(note for note in best if note not in defining)][:NUM_NOTES]
    passages = _passages(known, ranked, notes, level)
    if defining or term.passage is None:
        return Finding("answer", passages, defining, score=score)
    passages = [term.passage, *passages]
    return Finding("answer", passages, beside=[term.passage], score=score)


def _undefined(
    known: Knowledge, ranked: Ranked, level: Level, term: Term, num_mended: int
) -> Finding:
    """What the course has about a word that it does not define, to choose from; what
    one note alone has is the answer.

    A word that is only a little like one of the course's stands for nothing.
    """
    is_misspelt = num_mended > 1
    score = deciding.OFFER
    offers = naming(known, term, (int(n) for n in ranked.order))[:NUM_OFFERS]
    if offers and not is_misspelt:
        passages = [of_note(note, level) for note in offers]
        if len(offers) == 1 and not num_mended and says(offers[0], term):
            return Finding("answer", passages, offers, score=deciding.ANSWER)
        return Finding("offer", passages, offers=offers, score=score)
    is_known = not is_misspelt and any(known.knows(one) for one in term.stems)
    if is_known or deciding.num_neighbours(known, ranked):
        return _near(known, ranked, score - 1, level)
    return Finding("decline", words=DECLINED, score=score - 1)


def _passages(
    known: Knowledge, ranked: Ranked, notes: Sequence[Note], level: Level
) -> list[Passage]:
    """The notes and the texts that fit best. The best text stands before the third
    note: where no note has what is asked, a paragraph or a claim often does."""
    of_notes = [of_note(note, level) for note in notes]
    texts = _texts(known, ranked)
    return [*of_notes[:2], *texts[:1], *of_notes[2:], *texts[1:]]


def _texts(known: Knowledge, ranked: Ranked) -> list[Passage]:
    """The passages that fit best and are no notes."""
    if not known.passages:
        return []
    scores = known.scores_of_passages(ranked.vector, ranked.stems)
    return [known.passages[n] for n in np.argsort(-scores)[:NUM_TEXTS]]
