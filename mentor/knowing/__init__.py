"""What the course knows about a question: passages found by words, answered in the
course's own sentences, and an engine's words held against them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from courseware.notes import Note
from mentor.passages import chapter_index

Level = Literal["plain", "standard", "deep"]
Kind = Literal["answer", "offer", "decline", "near"]
DECLINED = (
    "That is not in this course. I can help with serving AI models: memory, blocks, "
    "batching, cold starts, hardware and cost."
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z0-9]{4,}")


@dataclass(frozen=True)
class Passage:
    """A piece of the course."""

    title: str
    url: str
    text: str
    kind: str = "section"
    note_id: str = ""


@dataclass(frozen=True)
class Finding:
    """What was found for a question, and what to do about it."""

    kind: Kind
    passages: list[Passage] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    offers: list[Note] = field(default_factory=list)
    score: float = 0.0
    words: str = ""
    url: str = ""


@dataclass(frozen=True)
class Sentence:
    """One sentence of the course, and where it stands."""

    text: str
    url: str
    claim_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CourseAnswer:
    """What the page shows as fact."""

    sentences: list[Sentence]
    note_id: str = ""


@dataclass(frozen=True)
class CheckedSentence:
    """A sentence of the engine, and whether the course says so too."""

    text: str
    supported: bool
    url: str = ""
    why: str = ""


def find(
    question: str,
    *,
    before: Sequence[str] = (),
    section: str = "",
    selected: str = "",
    level: Level = "standard",
) -> Finding:
    """Passages for a question, best first."""
    asked = f"{question} {selected}".strip()
    found = chapter_index().search(asked, before[-1] if before else "")
    if not found:
        return Finding("decline", words=DECLINED)
    return Finding("answer", [Passage(p.title, p.url, p.text) for p in found], score=1)


def course_answer(finding: Finding, level: Level) -> CourseAnswer:
    """The course's own sentences for a finding."""
    if not finding.passages:
        return CourseAnswer([])
    best = finding.passages[0]
    sentences = _SENTENCE.split(best.text)[:2]
    return CourseAnswer([Sentence(text, best.url) for text in sentences])


def check(engine_text: str, finding: Finding) -> list[CheckedSentence]:
    """Each sentence of the engine: supported where the passages have its words."""
    known = set(_WORD.findall(" ".join(p.text for p in finding.passages).lower()))
    url = finding.passages[0].url if finding.passages else ""
    checked = []
    for text in filter(None, _SENTENCE.split(engine_text.strip())):
        words = set(_WORD.findall(text.lower()))
        supported = bool(words) and len(words & known) * 2 > len(words)
        checked.append(CheckedSentence(text, supported, url if supported else ""))
    return checked
