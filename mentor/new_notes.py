"""Questions without an answer, as notes to be filled in: YAML for a ``*.notes.yaml``.

Alike questions become the wordings of one note. Where there are fewer than a note
needs, plain ones are put in to be replaced. What a teacher has to write is the answer,
in three levels; the loader names it until it is there.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from courseware.notes import LEVELS, MAX_ASKS, MIN_ASKS, all_notes
from courseware.words import content_stems
from mentor.knowing.model import sentence_model

ALIKE = 0.75
"""Cosine of two questions that one note would answer."""
MAX_ASK_CHARS = 300
MAX_ID_CHARS = 60
PLAIN = ("Please explain: {}", "I would like to know: {}")
HEAD = """\
# Questions that need a note, newest first. For each that belongs into the course: write
# the answer in plain, standard and deep words (a figure by {value CLAIM KEY}, its claim
# in `claims`), look at the wordings and the section, and move the entry into the file
# named above it. Then: manage.py loadchapters, manage.py embedcourse.
"""


@dataclass(frozen=True)
class Unanswered:
    """A question of a learner's, without who asked."""

    question: str
    why: str
    section: str
    """Anchor in view, or of the part that came nearest."""
    reason: str = ""


@dataclass
class Draft:
    """A note to be: the questions that it would answer."""

    first: Unanswered
    asks: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def drafts(rows: Iterable[Unanswered]) -> list[Draft]:
    """Alike questions together, in the order of the first of each."""
    known = {_key(ask) for note in all_notes() for ask in note.asks}
    asked: dict[str, Unanswered] = {}
    for row in rows:
        ask = _line(row.question)[:MAX_ASK_CHARS].strip()
        if _key(ask) and _key(ask) not in known:
            asked.setdefault(ask, row)
    if not asked:
        return []
    vectors = sentence_model().embed(list(asked))
    found: list[tuple[int, Draft]] = []
    for number, (ask, row) in enumerate(asked.items()):
        alike = (d for n, d in found if float(vectors[n] @ vectors[number]) >= ALIKE)
        draft = next((d for d in alike if len(d.asks) < MAX_ASKS), None)
        if draft is None:
            draft = Draft(row)
            found.append((number, draft))
        if _key(ask) not in map(_key, draft.asks):
            draft.asks.append(ask)
        draft.reasons += [_line(row.reason)] if row.reason else []
    return [draft for _, draft in found]


def as_yaml(found: Sequence[Draft], titles: Mapping[str, Mapping[str, str]]) -> str:
    """The file; ``titles`` are the headings of each chapter by slug, by anchor."""
    taken = {note.note_id for note in all_notes()}
    entries = [_entry(draft, titles, taken) for draft in found]
    return "\n".join([HEAD, *entries]) if entries else f"{HEAD}\n# None.\n"


def _entry(
    draft: Draft, titles: Mapping[str, Mapping[str, str]], taken: set[str]
) -> str:
    slug, section = _place(draft.first.section, titles)
    row = {
        "asks": [*draft.asks, *(one.format(draft.asks[0]) for one in PLAIN)][
            : max(MIN_ASKS, len(draft.asks))
        ],
        **dict.fromkeys(LEVELS, ""),
        "section": section,
        "claims": [],
        "misconception": "",
    }
    told = [f"# {draft.first.why}; for {slug}.notes.yaml"]
    told += [f"# The learner: {reason}" for reason in draft.reasons]
    body = yaml.safe_dump(
        {_note_id(draft.asks[0], taken): row},
        allow_unicode=True,
        sort_keys=False,
        width=10_000,
        default_style=None,
    )
    return "\n".join([*told, body])


def _place(section: str, titles: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Chapter and heading: the one in view, else the first there is."""
    for slug, headings in titles.items():
        if section in headings:
            return slug, section
    slug = next(iter(titles), "chapter")
    return slug, next(iter(titles.get(slug, {})), "")


def _note_id(ask: str, taken: set[str]) -> str:
    """Of the question's words, and of no other note."""
    words = [w for w in content_stems(ask) if re.fullmatch("[a-z0-9]+", w)]
    name = "-".join(["asked", *words])[:MAX_ID_CHARS].strip("-")
    number = 2
    unique = name
    while unique in taken:
        unique, number = f"{name}-{number}", number + 1
    taken.add(unique)
    return unique


def _line(text: str) -> str:
    """One line, without what a comment or a terminal could not show."""
    kept = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join("".join(kept).split())


def _key(ask: str) -> str:
    return " ".join(re.findall(r"\w+", ask.casefold()))
