"""Notes: what the course answers to a question, in three levels of words.

A chapter's notes lie beside it in ``<slug>.notes.yaml``, each with several wordings of
a learner's question, the answer, the part where the reader goes on and the claims its
figures come from. The mentor answers from them, search finds nothing in them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.urls import reverse

from courseware.claims import Claim, read_claims, unclaimed
from courseware.computed.shown import show
from courseware.errors import BrokenChapter
from courseware.markdown.headings import read_heading
from courseware.sources import line_of, read_entries, read_source
from courseware.typography import typeset
from courseware.values import ROLE, NoValue, fill

CONTENT = Path(__file__).parent / "content"
LEVELS = ("plain", "standard", "deep")
FIELDS = {"asks", *LEVELS, "section", "claims", "misconception"}
MIN_ASKS, MAX_ASKS = 3, 15
MAX_LETTERS = 1_500
"""Of one answer: a note is read beside the text, not instead of it."""
_NOTE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HEADING = re.compile(r"#{2,3} ++(.+)")
_NUMBER = re.compile(r"\d(?:[\d.,]*\d)?")
_NOT_PLAIN = re.compile(r"^[^\S\n]*(?:#|[-*+] |\d+\. )|\*\*|\]\(|<[a-z/!]", re.M)
_FRONT = re.compile(r"---\n(.*?)\n---\n", re.S)


@dataclass(frozen=True)
class Note:
    """One question of learners and the course's answer to it."""

    note_id: str
    asks: tuple[str, ...]
    """The question in three to fifteen wordings."""
    plain: str
    standard: str
    deep: str
    section: str
    """Anchor of the heading where the reader goes on."""
    url: str
    section_title: str
    claims: tuple[str, ...]
    misconception: str
    """What people wrongly believe; "" where there is none."""

    def answer(self, level: str) -> str:
        """The answer in the words of one of LEVELS."""
        return {"plain": self.plain, "deep": self.deep}.get(level, self.standard)


def read_notes(
    path: Path, claims: Mapping[str, Claim], source: str, faults: list[BrokenChapter]
) -> list[Note]:
    """The notes of one chapter without those that have a fault; these go to ``faults``.

    ``source`` is the chapter's Markdown, whose headings the notes lead to.
    """
    rows = read_entries(path, faults)
    slug, titles = path.name.split(".")[0], headings(source)
    notes, asked = [], dict[str, str]()
    for note_id, row in rows.items():
        reasons = _fault_of_form(note_id, row) or _faults(row, claims, titles)
        if not reasons:
            reasons = _asked_before(note_id, row["asks"], asked)
        line = line_of(path, note_id) if reasons else 0
        faults += [BrokenChapter(path, line, f"note {note_id!r} {r}.") for r in reasons]
        if not reasons:
            notes.append(_note(slug, note_id, row, claims, titles))
    return notes


def headings(source: str) -> dict[str, str]:
    """Titles of a chapter's ``##`` and ``###`` by anchor, code left out."""
    found, is_code = {}, False
    for line in source.splitlines():
        is_code ^= line.startswith("```")
        if not is_code and (match := _HEADING.fullmatch(line.rstrip())):
            heading = read_heading(match[1])
            found[heading.anchor] = typeset(heading.title.replace("`", ""))
    return found


def _fault_of_form(note_id: str, row: Any) -> list[str]:
    """What keeps an entry from being read at all."""
    if not _NOTE_ID.fullmatch(note_id):
        return ["is not named of a-z, 0-9 and -"]
    if not isinstance(row, dict) or set(row) != FIELDS:
        return [f"has the fields {', '.join(sorted(FIELDS))}, no others"]
    for key in ("asks", "claims"):
        value = row[key]
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            return [f"lists its {key} in quotes"]
    texts = (*LEVELS, "section", "misconception")
    return [f"has no words as {key}" for key in texts if not isinstance(row[key], str)]


def _faults(
    row: dict[str, Any], claims: Mapping[str, Claim], titles: Mapping[str, str]
) -> list[str]:
    """What is wrong with an entry that has its form."""
    reasons = []
    if not MIN_ASKS <= len(row["asks"]) <= MAX_ASKS or not all(map(_key, row["asks"])):
        reasons.append(f"has {MIN_ASKS} to {MAX_ASKS} wordings of its question")
    if row["section"] not in titles:
        reasons.append(f"leads to no heading {row['section']!r} of the chapter")
    unknown = [name for name in row["claims"] if name not in claims]
    reasons += [f"rests on no claim {name!r} of the chapter" for name in unknown]
    own = {name: claims[name] for name in row["claims"] if name in claims}
    for key in (*LEVELS, "misconception"):
        reasons += [f"{key}: {fault}" for fault in _faults_of_text(row[key], own)]
        if key != "misconception":  # which may state a wrong number
            typed = _typed_numbers(row[key], own)
            reasons += [f"{key}: {fault}" for fault in typed]
            if not row[key].strip():
                reasons.append(f"has no answer in {key} words")
    return reasons


def _faults_of_text(text: str, claims: Mapping[str, Claim]) -> list[str]:
    reasons = []
    if len(text) > MAX_LETTERS:
        reasons.append(f"{len(text):,} letters, at most {MAX_LETTERS:,} are read")
    if match := _NOT_PLAIN.search(text):
        reasons.append(f"{match[0].strip()!r} is neither a plain sentence nor code")
    if text.count("`") % 2:
        reasons.append("a back-tick has no partner")
    try:
        fill(text, lambda: claims)
    except NoValue as error:
        reasons.append(f"{error} (a note prints figures of the claims it lists)")
    return reasons


def _typed_numbers(text: str, claims: Mapping[str, Claim]) -> list[str]:
    """Numbers with a unit that no claim stands behind, or that one should print."""
    reasons = []
    for number in unclaimed(ROLE.sub("", text)):
        if not claims:
            reasons.append(f"{number!r} needs a claim")
        elif of := _claim_with(number, claims):
            reasons.append(f"{number!r} is a figure of claim {of!r}: print it by value")
    return reasons


def _claim_with(number: str, claims: Mapping[str, Claim]) -> str:
    """The claim of which a number typed by hand is a figure, or "".

    As it stands or rounded, from three digits on: with fewer, a card's "48 GB" is too
    often equal to a count of users by chance.
    """
    match = _NUMBER.search(number)
    typed = match[0].replace(",", "") if match else ""
    if sum(c.isdigit() for c in typed) < 3:
        return ""
    for name, claim in claims.items():
        for value in claim.figures.values():
            if not isinstance(value, str):
                shown = {show(value, spec) for spec in ("", ".0f", ".1f", ".2f")}
                if typed in {one.replace(",", "") for one in shown}:
                    return name
    return ""


def _asked_before(note_id: str, asks: list[str], asked: dict[str, str]) -> list[str]:
    """Wordings that this note or an earlier one already has; ``asked`` grows."""
    reasons = []
    for ask in asks:
        first = asked.setdefault(_key(ask), note_id)
        if first != note_id or [_key(a) for a in asks].count(_key(ask)) > 1:
            reasons.append(f"asks {ask!r} as {first!r} does")
    return reasons


def _key(ask: str) -> str:
    return " ".join(re.findall(r"\w+", ask.casefold()))


def _note(
    slug: str,
    note_id: str,
    row: dict[str, Any],
    claims: Mapping[str, Claim],
    titles: Mapping[str, str],
) -> Note:
    words = {
        key: typeset(" ".join(fill(row[key], lambda: claims).split()))
        for key in (*LEVELS, "misconception")
    }
    page = reverse("courseware:chapter", args=[slug])
    return Note(
        note_id=note_id,
        asks=tuple(" ".join(ask.split()) for ask in row["asks"]),
        section=row["section"],
        url=f"{page}#{row['section']}",
        section_title=titles[row["section"]],
        claims=tuple(row["claims"]),
        **words,
    )


@cache
def all_notes(directory: Path = CONTENT) -> tuple[Note, ...]:
    """The notes of all published chapters, read once; those with a fault left out."""
    notes: list[Note] = []
    for path in sorted(directory.glob("*.notes.yaml")):
        chapter = directory / f"{path.name.split('.')[0]}.md"
        if chapter.exists() and not _is_draft(source := read_source(chapter)):
            claims = read_claims(chapter.with_suffix(".claims.yaml"), [])
            notes += read_notes(path, claims, source, [])
    return tuple(notes)


def _is_draft(source: str) -> bool:
    front = _FRONT.match(source)
    meta = yaml.safe_load(front[1]) if front else {}
    return bool(isinstance(meta, dict) and meta.get("draft"))


def forget_notes() -> None:
    """Read the files anew."""
    all_notes.cache_clear()
