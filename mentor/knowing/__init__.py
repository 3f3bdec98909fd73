"""What the course knows about a question, without an engine: see docs/knowing.md.

question ──► find ──► Finding ──► course_answer    shown as fact, at once
                         └──────► check            the engine's words, at the end
"""

from mentor.knowing.answers import CourseAnswer, Sentence, course_answer
from mentor.knowing.checking import CheckedSentence, check
from mentor.knowing.finding import (
    LEFT_BEHIND,
    Finding,
    Level,
    find,
    foresee,
    one_course,
)
from mentor.knowing.passages import Passage

__all__ = [
    "LEFT_BEHIND",
    "CheckedSentence",
    "CourseAnswer",
    "Finding",
    "Level",
    "Passage",
    "Sentence",
    "check",
    "course_answer",
    "find",
    "foresee",
    "one_course",
]
