"""Sentences that say what a question names and the chosen answer leaves out."""

from collections.abc import Iterable, Sequence

from courseware.notes import LEVELS, Note
from courseware.words import stems
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage
from mentor.knowing.sentences import sentences

MIN_RARITY = 3.0
"""Of a stem that names something: about one note in twenty has it, or fewer."""
MAX_SENTENCES = 2


def named_beside(
    known: Knowledge,
    chosen: Sequence[Note],
    best: Sequence[Note],
    level: str,
    named: Iterable[str],
) -> list[Passage]:
    """At most two, out of all levels of ``best``; rarer names first.

    "And for Llama 2 13B?" finds the note about a token's cache, whose deep answer has
    the number: it is said as well, whatever the level.
    """
    told = {stem for note in chosen for stem in stems(note.answer(level))}
    missing = {stem for stem in named if known.rarity(stem) >= MIN_RARITY} - told
    found: list[Passage] = []
    while missing and len(found) < MAX_SENTENCES:
        passage, gain = _best(known, best, missing)
        if passage is None:
            break
        found.append(passage)
        missing -= gain
    return found


def _best(
    known: Knowledge, notes: Sequence[Note], missing: set[str]
) -> tuple[Passage | None, set[str]]:
    """The sentence with most of what is missing; of equal ones the first."""
    found: tuple[Passage | None, set[str]] = (None, set())
    most = 0.0
    for note in notes:
        for text in (s for level in LEVELS for s in sentences(note.answer(level))):
            gain = missing & set(stems(text))
            worth = sum(known.rarity(stem) for stem in gain)
            if worth > most:
                most = worth
                found = (
                    Passage(note.section_title, note.url, text, "note", note.note_id),
                    gain,
                )
    return found
