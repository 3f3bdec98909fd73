"""A course whose answer a test knows: what stands for mentor.knowing."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from courseware.notes import Note
from mentor.knowing import (
    CheckedSentence,
    CourseAnswer,
    Finding,
    Passage,
    Sentence,
)
from mentor.seeing import LabQuestion

URL = "/chapters/deploying/#pagedattention"
FACT = "PagedAttention cuts the `KV cache` into blocks."
TRUE = "A request takes a block when it needs one."
PASSAGE = Passage("PagedAttention", URL, f"{FACT} {TRUE}")
ANSWER = Finding("answer", [PASSAGE], score=0.8)
DECLINE = Finding("decline", words="That is not in this course: ask about serving.")
NEAR = Finding("near", words="The course does not have it; see its blocks.", url=URL)


def note(ask: str) -> Note:
    texts = {name: f"{name} words." for name in ("plain", "standard", "deep")}
    return Note(
        note_id="kv",
        asks=(ask, "other", "wordings"),
        section="kv",
        url="/chapters/deploying/#kv",
        section_title="KV",
        claims=(),
        misconception="",
        **texts,
    )


OFFER = Finding("offer", offers=[note("What is the KV cache?"), note("What is TTFT?")])


@dataclass
class FakeCourse:
    """Gives ``finding`` to every question; notes what it was asked."""

    finding: Finding = ANSWER
    asked: list[dict[str, Any]] = field(default_factory=list)
    broken: Exception | None = None
    lab: LabQuestion | None = None
    """What every question asks about the lab."""
    held: dict[str, threading.Event] = field(default_factory=dict)
    """Questions whose search takes until then."""
    num_checks: int = 0
    foreseen: list[str] = field(default_factory=list)

    def foresee(self, question: str) -> None:
        self.foreseen.append(question)

    def find(self, question: str, **where: Any) -> Finding:
        self.asked.append({"question": question, **where})
        if question in self.held:
            assert self.held[question].wait(60)
        if self.broken:
            raise self.broken
        return self.finding

    def lab_question(
        self, question: str, *, before: Sequence[str] = ()
    ) -> LabQuestion | None:
        return self.lab

    def course_answer(self, finding: Finding, level: str) -> CourseAnswer:
        told = [Sentence(FACT, URL, ("memory",)), Sentence(f"In {level} words.", URL)]
        return CourseAnswer(told, note_id="paged")

    def check(self, engine_text: str, finding: Finding) -> Sequence[CheckedSentence]:
        self.num_checks += 1
        texts = [text.strip() for text in engine_text.split(".") if text.strip()]
        known = " ".join(passage.text for passage in finding.passages)
        return [CheckedSentence(f"{t}.", t in known, URL) for t in texts]
