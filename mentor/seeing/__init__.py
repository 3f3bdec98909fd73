"""What the lab says to a question, from what the engine's trace told: docs/mentor.md.

question ──► lab_question ──► LabQuestion ──► sentences     exact, of one step
                    └──► None: it is a question to the course
"""

from mentor.seeing.answers import OF_STATUS, sentences
from mentor.seeing.asked import LabQuestion, lab_question
from mentor.seeing.catalog import Kind, texts
from mentor.seeing.of_engine import not_ready
from mentor.seeing.sight import Sight

__all__ = [
    "OF_STATUS",
    "Kind",
    "LabQuestion",
    "Sight",
    "lab_question",
    "not_ready",
    "sentences",
    "texts",
]
