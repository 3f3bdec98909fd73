"""Chapters from files into the database: all of a chapter, or nothing of it."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from courseware.claims import read_claims
from courseware.directives import Drawer
from courseware.errors import BrokenChapter
from courseware.figures import claims_of
from courseware.markdown import read_page
from courseware.models import Chapter, Section
from courseware.page import Page, Piece
from courseware.sources import line_of, read_entries, read_source
from courseware.values import NoValue, fill, read_all_claims

CONTENT = Path(__file__).parent / "content"
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CLAIM_NAMES = re.compile(r"(?:\{|::: )claim ([a-z0-9-]+)")
_FIGURES = re.compile(r"^::: figure ([a-z0-9-]+)", re.M)
_VALUE_NAMES = re.compile(r"\{value ([a-z0-9-]+)")
WORDS_A_MINUTE = 220
"""Reading speed for technical prose; the time to read is an estimate."""


@dataclass
class Report:
    """What one loading did, by slug; ``broken`` chapters kept their old text."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    broken: list[BrokenChapter] = field(default_factory=list)


def load_chapters(directory: Path = CONTENT) -> Report:
    """Make the database say what ``directory``'s ``*.md`` files say; idempotent."""
    report = Report()
    present = sorted(directory.glob("*.md"))
    try:
        glossary = read_glossary(directory / "glossary.yaml")
    except BrokenChapter as error:
        report.broken.append(error)
        return report
    for path in present:
        try:
            if not SLUG.fullmatch(path.stem):
                raise BrokenChapter(path, 1, "a file's name is of a-z, 0-9 and -.")
            fields, sections = render_chapter(path, glossary)
        except BrokenChapter as error:
            report.broken.append(error)
            continue
        getattr(report, _save(path.stem, fields, sections)).append(path.stem)
    gone = Chapter.objects.exclude(slug__in=[path.stem for path in present])
    report.removed = list(gone.values_list("slug", flat=True))
    gone.delete()
    return report


def read_glossary(path: Path) -> dict[str, dict[str, str]]:
    """Terms by id, each with ``name`` and ``says``; BrokenChapter with the line.

    A term may print a figure of a claim of any chapter beside it.
    """
    terms = read_entries(path)
    for term_id, row in terms.items():
        if not SLUG.fullmatch(term_id):
            raise BrokenChapter(
                path, line_of(path, term_id), f"{term_id!r} is not of a-z, 0-9 and -."
            )
        if not isinstance(row, dict) or set(row) != {"name", "says"}:
            raise BrokenChapter(
                path,
                line_of(path, term_id),
                f"the term {term_id!r} has the fields name and says, no others.",
            )
        try:
            row["says"] = fill(row["says"], lambda: read_all_claims(path.parent))
        except NoValue as error:
            raise BrokenChapter(path, line_of(path, term_id), f"{error}.") from error
    return terms


def render_chapter(
    path: Path, glossary: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(fields of Chapter, fields of each Section), or BrokenChapter."""
    source = read_source(path)
    claims_path = path.with_suffix(".claims.yaml")
    claims = read_claims(claims_path)
    named = dict.fromkeys(
        [*_CLAIM_NAMES.findall(source), *_VALUE_NAMES.findall(source)]
        + [name for figure in _FIGURES.findall(source) for name in claims_of(figure)]
    )
    drawer = Drawer(path, claims, glossary, [name for name in named if name in claims])
    page = Page(path, drawer.directive, drawer.role, drawer.value)
    try:
        pieces = [piece for piece in read_page(page, source) if piece.html.strip()]
    except RecursionError as error:
        raise BrokenChapter(path, 1, "it nests deeper than can be read.") from error
    if unused := sorted(set(claims) - drawer.used_claims):
        raise BrokenChapter(
            claims_path,
            line_of(claims_path, unused[0]),
            f"no text uses {', '.join(unused)}.",
        )
    num_words = sum(len(piece.text.split()) for piece in pieces)
    if drawer.used_claims:
        title = "Every figure and its source"
        pieces.append(Piece("sources", title, None, drawer.sources()))
    fields = {
        "title": str(page.meta["title"]),
        "subtitle": str(page.meta.get("subtitle", "")),
        "summary": str(page.meta["summary"]),
        "position": int(page.meta["position"]),
        "minutes": max(1, round(num_words / WORDS_A_MINUTE)),
    }
    sections = [
        {
            "position": position,
            "anchor": piece.anchor,
            "number": piece.number,
            "title": piece.title,
            "html": piece.html,
            "text": piece.text,
        }
        for position, piece in enumerate(pieces)
    ]
    return fields, sections


def _save(slug: str, fields: dict[str, Any], sections: list[dict[str, Any]]) -> str:
    """Write what differs; says which list of the report the chapter belongs to."""
    columns = list(sections[0]) if sections else []
    old = Chapter.objects.filter(slug=slug).first()
    if old is not None:
        same_fields = all(getattr(old, name) == value for name, value in fields.items())
        if same_fields and list(old.sections.values(*columns)) == sections:
            return "unchanged"
    with transaction.atomic():
        chapter, _ = Chapter.objects.update_or_create(slug=slug, defaults=fields)
        chapter.sections.all().delete()
        Section.objects.bulk_create(Section(chapter=chapter, **row) for row in sections)
        kept = [row["anchor"] for row in sections]
        chapter.read_sections.exclude(anchor__in=kept).delete()
    return "added" if old is None else "changed"
