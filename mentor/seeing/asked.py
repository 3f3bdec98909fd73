"""``lab_question``: the question about the lab that was asked, if it is one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mentor.knowing.deciding import similarity_outside
from mentor.knowing.finding import current_course
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.question import read_question
from mentor.knowing.remembered import vectors_of_question
from mentor.seeing.catalog import Kind, catalog
from mentor.seeing.recognising import recognise
from mentor.seeing.slots import Slots, read_slots

SURE, LIKELY, PERHAPS = 2.5, 0.0, -0.5
"""At least this sure that the lab is meant: the lab alone answers; it answers where the
course only offers; it answers beside the course."""
GOES_ON = 1.0
"""What a later question gains that goes on from one about the lab."""
BESIDE = 1.0
"""At least this sure, where the course is very sure of its answer."""
AT_HAND = 1.0
"""At least this sure, or a block or request named, where the course would decline."""


@dataclass(frozen=True)
class LabQuestion:
    """A question that the engine's state may answer."""

    kind: Kind
    slots: Slots
    score: float
    """Logarithm of the odds that the lab is meant."""

    @property
    def is_sure(self) -> bool:
        """Whether the lab answers whatever the course has."""
        return self.score >= SURE

    @property
    def is_likely(self) -> bool:
        """Whether the lab answers where the course would offer."""
        return self.score >= LIKELY

    @property
    def is_beside(self) -> bool:
        """Whether it answers beside a course that is very sure of its own."""
        return self.score >= BESIDE

    @property
    def is_at_hand(self) -> bool:
        """Whether it does so where the course declines."""
        return self.slots.names_one or self.score >= AT_HAND


def lab_question(question: str, *, before: Sequence[str] = ()) -> LabQuestion | None:
    """What is asked about the lab; None for a question to the course."""
    asked = read_question(question, before, "")
    if not asked.own:
        return None
    known = current_course()
    found = _recognised(known, asked.own)
    if before and asked.full != asked.own:
        last = _recognised(known, before[-1])
        is_same_thing = last.slots.names_one and not found.slots.names_one
        if last.is_likely and (is_same_thing or not found.is_likely):
            found = _recognised(known, asked.full)
            found = replace(found, score=found.score + GOES_ON)
    return found if found.score >= PERHAPS else None


def _recognised(known: Knowledge, text: str) -> LabQuestion:
    slots = read_slots(text)
    slots = replace(slots, text=known.spelling.correct(slots.text))
    vector = vectors_of_question([slots.text])[0]
    like_notes = float((known.vectors_of_asks @ vector).max(initial=-1))
    like_others = max(similarity_outside(known, vector))
    kind, score = recognise(catalog(), slots, vector, (like_notes, like_others))
    return LabQuestion(kind, slots, score)
