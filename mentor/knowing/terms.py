"""A question that is one term: "memory", "GPU?", "what is a KV cache".

So few words are like many notes and asked of none. What defines the term answers, a
note that asks for it or the glossary; without a definition the notes that name it are
offered, and nothing is said as fact.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from courseware.notes import LEVELS, Note
from courseware.words import content_stems, stems
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage

_ASKS_FOR_IT = re.compile(
    r"^\W*(?:(?:so |and |please |ok )*(?:wh?at(?:[’']s|s| is| are| does| do| was)"
    r"|whats|define|explain|describe|tell me about|meaning of|definition of|"
    r"the meaning of|i don'?t understand|what (?:do you|does one) mean by)\s+)?"
    r"(?:(?:an?|the|this|is|about)\s+)*(?P<term>[\w.&+/ -]{1,60}?)"
    r"(?:\s+(?:mean|means|stand for|is|please|pls|exactly|again|explained|definition))*"
    r"\W*$",
    re.I,
)
_ASKS_MORE = re.compile(
    r"\b(?:how|why|when|which|who|where|does|do|can|could|should|is|are|was|much|many|"
    r"more|less|better|cheaper|faster|vs|versus|or|and|for|with|without|if|than|i|am|me|my|we|you|"
    r"it|at)\b",
    re.I,
)
MAX_STEMS = 3


@dataclass(frozen=True)
class Term:
    """What is asked for, and what of the course defines it."""

    stems: frozenset[str]
    notes: tuple[int, ...]
    """Numbers of the notes that ask for just this."""
    passage: Passage | None
    """The glossary's entry."""

    @property
    def is_defined(self) -> bool:
        """Whether the course says what it is."""
        return bool(self.notes) or self.passage is not None


def term_of(known: Knowledge, question: str) -> Term | None:
    """The term that is all of a question; None where more is asked."""
    asked = _stems_asked(question)
    if asked is None:
        return None
    return _defined_in(known).get(asked) or Term(asked, (), None)


@lru_cache(maxsize=1)
def _defined_in(known: Knowledge) -> dict[frozenset[str], Term]:
    """The terms that the course defines, by their stems."""
    notes: dict[frozenset[str], list[int]] = {}
    for number, note in enumerate(known.notes):
        for asked in {_stems_asked(ask) for ask in note.asks}:
            if asked is not None:
                notes.setdefault(asked, []).append(number)
    entries: dict[frozenset[str], Passage] = {}
    for passage in known.passages:
        for name in _names(passage):
            entries.setdefault(name, passage)
    return {
        one: Term(one, tuple(notes.get(one, ())), entries.get(one))
        for one in notes.keys() | entries.keys()
    }


def naming(known: Knowledge, term: Term, order: Iterable[int]) -> list[Note]:
    """The notes with the term in a wording, in this order; first those that are shown
    by such a wording."""
    found = [
        (not _names_it(note.asks[0], term), note)
        for note in (known.notes[n] for n in order)
        if any(_names_it(ask, term) for ask in note.asks)
    ]
    return [note for _, note in sorted(found, key=lambda pair: pair[0])]


def says(note: Note, term: Term) -> bool:
    """Whether an answer of the note has the term: "my card is bored" only asks."""
    told = _alike(stems(" ".join(note.answer(level) for level in LEVELS)))
    return term.stems <= told


def _names_it(ask: str, term: Term) -> bool:
    return term.stems <= _alike(stems(ask))


def _names(passage: Passage) -> list[frozenset[str]]:
    if passage.kind != "term":
        return []
    whole = passage.title
    parts = [whole, *re.split(r"[(),/]| or ", whole)]
    return [_alike(content_stems(part)) for part in parts if content_stems(part)]


def _stems_asked(question: str) -> frozenset[str] | None:
    match = _ASKS_FOR_IT.match(question)
    if match is None or _ASKS_MORE.search(match["term"]):
        return None
    found = _alike(content_stems(match["term"]))
    return found if 0 < len(found) <= MAX_STEMS else None


def _alike(found: Iterable[str]) -> frozenset[str]:
    """Stems with British and American spelling made one."""
    return frozenset(stem.replace("iz", "is") for stem in found)
