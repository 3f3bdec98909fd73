"""``course_answer``: the text that the page shows as fact."""

from dataclasses import dataclass

from courseware.notes import Note
from mentor.knowing.finding import Finding, Level
from mentor.knowing.passages import Passage
from mentor.knowing.sentences import sentences


@dataclass(frozen=True)
class Sentence:
    """A sentence of the course, where it stands, and the claims behind its note."""

    text: str
    url: str
    claim_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class CourseAnswer:
    """What the course says to a question; without sentences where it says nothing."""

    sentences: list[Sentence]
    note_id: str = ""
    section_title: str = ""

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(sentence.text for sentence in self.sentences)


def course_answer(finding: Finding, level: Level = "standard") -> CourseAnswer:
    """The sentences of the note that was found, then of a second that fits as well."""
    if finding.kind != "answer":
        return CourseAnswer([])
    said = [one for note in finding.notes for one in _sentences(note, level)]
    said += [Sentence(p.text, p.url, _claims(p, finding)) for p in finding.beside]
    unique = list({one.text: one for one in said}.values())
    first = finding.notes[0] if finding.notes else None
    named = (first.note_id, first.section_title) if first else ("", "")
    return CourseAnswer(unique, *named)


def _claims(passage: Passage, finding: Finding) -> tuple[str, ...]:
    named = [note for note in finding.notes if note.note_id == passage.note_id]
    return named[0].claims if named else ()


def _sentences(note: Note, level: Level) -> list[Sentence]:
    return [
        Sentence(text, note.url, note.claims) for text in sentences(note.answer(level))
    ]
