"""What a learner answered in a quiz, for an app that knows no quizzes.

Quizzes and the mentor never import each other; what one may tell the other goes here::

    quizzes ── publish(Answered) ──► courseware.answered ◄── answered() ── mentor

Nothing is copied: each question is asked of the quizzes as they are now, so what was
deleted, or is asked anew, is known at once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Option:
    """A choice as it stood on the page: its letter in that order, and the author's
    reason about it."""

    letter: str
    text: str
    because: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """An answer, and what the page said to it.

    Of a question that the learner can still answer nothing is told that helps to:
    ``is_open``, with neither reasons nor options, explanation or what is right.
    """

    answer_id: int
    question: str
    said: str
    """What was answered, in words; "" if it has none."""
    outcome: str
    """right, partly or wrong."""
    title: str
    url: str
    """The part of the course to read again; "" if there is none."""
    answered_at: datetime
    is_open: bool = False
    reasons: tuple[str, ...] = ()
    """The author's, about what was answered."""
    right: str = ""
    explanation: str = ""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that a learner has been shown and has not answered."""

    text: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a question's author explains, where it gives no answer away."""

    text: str
    title: str
    url: str
    anchor: str


class Answered(Protocol):
    """What quizzes publish."""

    def explained(self, learner_id: str, answer_id: int | None) -> Explained | None:
        """The learner's answer with this id, or the last one; None without one."""

    def open_questions(self, learner_id: str) -> list[OpenQuestion]:
        """Those of the learner's attempts that are under way."""

    def explanations(self) -> Sequence[Explanation]:
        """Of all questions in use, as passages of the course."""


class _Nothing:
    """Where there are no quizzes."""

    def explained(self, learner_id: str, answer_id: int | None) -> Explained | None:
        return None

    def open_questions(self, learner_id: str) -> list[OpenQuestion]:
        return []

    def explanations(self) -> Sequence[Explanation]:
        return ()


_published: Answered = _Nothing()


def publish(source: Answered) -> None:
    """Whom answered() asks from now on; called once, when an app is ready."""
    global _published
    _published = source


def answered() -> Answered:
    """The quizzes, or nothing."""
    return _published


@contextmanager
def answered_by(source: Answered) -> Iterator[None]:
    """Ask another source for as long as the context lasts (tests)."""
    before = _published
    publish(source)
    try:
        yield
    finally:
        publish(before)
