"""The mentor's way to what the course knows, and what of it is kept with a turn.

Asking, answering and checking are mentor.knowing's; a turn keeps them as JSON, so that
an answer can be shown and checked long after. All of it goes through one Course, the
one place that tests replace.
"""

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any, Protocol

from mentor import knowing, seeing
from mentor.knowing import CheckedSentence, CourseAnswer, Finding, Level, Passage
from mentor.seeing import LabQuestion

logger = logging.getLogger(__name__)

LEVELS: tuple[Level, ...] = ("plain", "standard", "deep")


class Course(Protocol):
    """What mentor.knowing and mentor.seeing have."""

    def find(
        self,
        question: str,
        *,
        before: Sequence[str] = (),
        section: str = "",
        selected: str = "",
        level: Level = "standard",
    ) -> Finding:
        """What the course has for a question."""

    def foresee(self, question: str) -> None:
        """A question that find() will be asked in a moment."""

    def course_answer(self, finding: Finding, level: Level) -> CourseAnswer:
        """The course's own sentences."""

    def check(self, engine_text: str, finding: Finding) -> list[CheckedSentence]:
        """The engine's sentences, held against the passages."""

    def lab_question(
        self, question: str, *, before: Sequence[str] = ()
    ) -> LabQuestion | None:
        """What it asks about the lab."""


class _Known:
    """The course and the lab as they are."""

    find = staticmethod(knowing.find)
    foresee = staticmethod(knowing.foresee)
    course_answer = staticmethod(knowing.course_answer)
    check = staticmethod(knowing.check)
    lab_question = staticmethod(seeing.lab_question)


_course: Course = _Known()


@contextmanager
def taught_by(other: Course) -> Iterator[None]:
    """Ask another course, for as long as the context lasts (tests)."""
    global _course
    before, _course = _course, other
    try:
        yield
    finally:
        _course = before


@cache
def prepare() -> None:
    """Read the course and the sentence model once a process, before the first question
    has to wait for it."""
    try:
        knowing.find("KV cache")
        seeing.lab_question("How full is the cache?")
    except Exception:
        logger.exception("the course was not read")
    _keep_for_good()


def _keep_for_good() -> None:
    """What is there now stays as long as the process does: the collector of reference
    cycles need not go through its quarter of a million objects again and again, all
    threads waiting."""
    gc.collect()
    gc.freeze()


def find(question: str, **where: Any) -> Finding:
    """See knowing.find."""
    return _course.find(question, **where)


def foresee(question: str) -> None:
    """See knowing.foresee."""
    _course.foresee(question)


def lab_question(question: str, before: Sequence[str] = ()) -> LabQuestion | None:
    """See seeing.lab_question."""
    return _course.lab_question(question, before=before)


def answer(finding: Finding, level: Level) -> dict[str, Any]:
    """What the course says, as it is kept: kind, words and where to read on, sentences,
    offers, note."""
    said = (
        _course.course_answer(finding, level)
        if finding.kind == "answer"
        else CourseAnswer([])
    )
    titles = {passage.url: passage.title for passage in reversed(finding.passages)}
    return {
        "kind": finding.kind,
        "words": finding.words,
        "url": finding.url,
        "note_id": said.note_id or "",
        "sentences": [
            {
                "text": sentence.text,
                "url": sentence.url,
                "title": titles.get(sentence.url, ""),
                "claims": list(sentence.claim_ids),
            }
            for sentence in said.sentences
        ],
        "offers": [
            {"question": note.asks[0], "title": note.section_title, "url": note.url}
            for note in finding.offers
        ],
    }


def kept(finding: Finding) -> dict[str, Any]:
    """A finding as JSON: what check() needs of it."""
    return {
        "kind": finding.kind,
        "passages": [asdict(passage) for passage in finding.passages],
        "score": finding.score,
    }


def checked(engine_text: str, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The engine's sentences, checked against a finding that was kept."""
    passages = [Passage(**row) for row in found["passages"]]
    finding = Finding(kind=found["kind"], passages=passages, score=found["score"])
    titles = {passage.url: passage.title for passage in reversed(passages)}
    return [
        {
            "text": sentence.text,
            "supported": sentence.supported,
            "url": sentence.url if sentence.supported else "",
            "title": titles.get(sentence.url, "") if sentence.supported else "",
            "why": sentence.why,
        }
        for sentence in _course.check(engine_text, finding)
    ]


def text_of(said: Mapping[str, Any] | None) -> str:
    """The sentences of the course, and of the lab beside it, as they are kept with a
    turn, for the search of a learner's history. Why a question was declined is said in
    the same words each time and is no part of it."""
    if not said:
        return ""
    measured = (said.get("measured") or {}).get("sentences") or []
    course = (sentence["text"] for sentence in said.get("sentences") or ())
    return " ".join([*course, *measured])
