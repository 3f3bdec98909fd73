"""What the course knows, in passages: notes, paragraphs, terms, claims, and what the
authors of quizzes explain."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.urls import reverse

from courseware.answered import answered
from courseware.course import glossary
from courseware.loader import CONTENT
from courseware.models import Chapter, Section
from courseware.notes import LEVELS, Note
from courseware.table_state import table_state
from courseware.values import all_claims
from mentor.knowing.paragraphs import parts, split
from mentor.knowing.sentences import sentences

_STANDS_ALONE = re.compile(r"(?=[A-Z0-9“])(?:\S++ ){4}.*[.!]", re.S)
_TEACH_NOTHING = ("ask", "quiz")
"""Sections that say what can be done there."""
_REFERS = re.compile(
    r"(?:it|its|that|this|these|those|they|their|he|she|there|here|both|one|with it|"
    r"in return|otherwise|for it|of them|the (?:first|second|last|other|larger|former|"
    r"latter|best|same)|above|below|and|but|so|then|therefore|choose|check|say)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Passage:
    """Sentences of the course and where they stand."""

    title: str
    url: str
    text: str
    kind: str = "section"
    """note, section, term, claim or quiz."""
    note_id: str = ""
    anchor: str = ""
    """Heading of the chapter that it belongs to; "" for a term and a claim."""


def of_note(note: Note, level: str) -> Passage:
    """A note's answer in the words of a level."""
    text = note.answer(level if level in LEVELS else "standard")
    return Passage(
        note.section_title, note.url, text, "note", note.note_id, note.section
    )


def state_of_course() -> tuple[int, object, int]:
    """Differs from what it was before when a chapter or the bank has changed."""
    num_chapters, updated_at = table_state(Chapter, "updated_at")
    explained = hash(tuple(answered().explanations()))
    return num_chapters, updated_at, explained


def from_texts() -> tuple[Passage, ...]:
    """Paragraphs of published chapters, terms, claims, explanations of quizzes."""
    return (*_paragraphs(), *_terms(), *_claims(), *_explanations())


def _paragraphs() -> Iterator[Passage]:
    rows = Section.objects.filter(chapter__is_draft=False).exclude(anchor="sources")
    for section in rows.select_related("chapter").order_by("chapter__position", "pk"):
        page = reverse("courseware:chapter", args=[section.chapter_id])
        whole = section.title or section.chapter.title
        for anchor, title, text in parts(section.html, section.text):
            here = anchor or section.anchor
            for piece in split(_in_the_glossarys_letters(text)):
                url = f"{page}#{here}"
                yield Passage(title or whole, url, piece, "section", anchor=here)


def _in_the_glossarys_letters(text: str) -> str:
    """A section's plain words have "ttft" where the page shows "TTFT"."""
    for name in (row["name"] for row in glossary()):
        if name[1:2].isupper():
            text = re.sub(rf"\b{re.escape(name)}\b", name, text, flags=re.I)
    return text


def _terms() -> Iterator[Passage]:
    page = reverse("courseware:glossary")
    for row in glossary():
        url, text = f"{page}#{row['id']}", f"{row['name']}: {row['says']}"
        yield Passage(row["name"], url, text, "term")


def _claims() -> Iterator[Passage]:
    slugs = Chapter.objects.published().values_list("slug", flat=True)
    for slug in slugs[:1]:
        url = f"{reverse('courseware:chapter', args=[slug])}#sources"
        for claim in all_claims(CONTENT).values():
            if claim.says:
                yield Passage("Every figure and its source", url, claim.says, "claim")


def _explanations() -> Iterator[Passage]:
    for one in answered().explanations():
        yield Passage(one.title, one.url, one.text, "quiz", anchor=one.anchor)


def quotes(passage: Passage) -> Iterator[Passage]:
    """The sentences of a paragraph that can stand by themselves: none of a table, of
    code or a heading. One that refers to what was said has the one before it."""
    lines = [] if passage.anchor in _TEACH_NOTHING else passage.text.splitlines()
    for line in lines:
        before = ""
        for sentence in sentences(line):
            text = f"{before} {sentence}" if _REFERS.match(sentence) else sentence
            before = sentence
            if _STANDS_ALONE.fullmatch(text) and not _REFERS.match(text):
                yield replace(passage, text=text)
