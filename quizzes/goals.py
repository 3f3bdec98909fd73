"""Learning goals: what a question measures, as "You can …". Pure.

``goals.yaml`` beside the questions makes a directory the bank of a course: every
question then names one of its goals, and keeps the rules of quizzes.rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from quizzes.body import Body
from quizzes.questions import NAME

BEGINNING = "You can "
MAX_GOAL_CHARS, MAX_TITLE_CHARS = 300, 200
MAX_SLUG_CHARS, MAX_ANCHOR_CHARS = 80, 120
"""What the columns of quizzes.models hold: PostgreSQL refuses more."""
MET_FROM = 0.8
SHAKY_FROM = 0.4


class Standing(StrEnum):
    """How far a goal is reached."""

    MET = "met"
    SHAKY = "shaky"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal and the section of a chapter that teaches it."""

    name: str
    text: str
    chapter: str
    section: str


def goal_from(fields: Body) -> Goal:
    """The checked goal; raises BrokenQuestion with the path of what is wrong."""
    fields.allow({"id", "text", "chapter", "section"})
    name, text = fields.text("id"), fields.text("text", most=MAX_GOAL_CHARS)
    if not NAME.fullmatch(name) or len(name) > 80:
        raise fields.broken("id", f"an id is of a-z, 0-9 and -, not {name!r}.")
    if not text.startswith(BEGINNING):
        raise fields.broken("text", f"a goal begins with {BEGINNING.strip()!r}.")
    chapter = fields.text("chapter", most=MAX_SLUG_CHARS)
    return Goal(name, text, chapter, fields.text("section", most=MAX_ANCHOR_CHARS))


def evidence(score: float, num_hints: int, certainty: int | None) -> float:
    """What one answer says about its goal: right by a guess or after hints is half."""
    is_helped = num_hints > 0 or certainty == 1
    return min(score, 0.5) if is_helped else score


def standing(evidences: Sequence[float]) -> Standing:
    """From the evidence of the answers about a goal."""
    mean = sum(evidences) / len(evidences) if evidences else 0.0
    if mean >= MET_FROM:
        return Standing.MET
    return Standing.SHAKY if mean >= SHAKY_FROM else Standing.NOT_YET
