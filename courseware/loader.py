"""Chapters from files into the database: all of a chapter, or nothing of it."""

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from courseware.claims import nothing_said, read_claims
from courseware.directives import Drawer
from courseware.errors import BrokenChapter, Unpublishable
from courseware.figures import claims_of
from courseware.markdown.page import Page, Piece
from courseware.markdown.reading import read_page
from courseware.models import Chapter, Section
from courseware.notes import read_notes
from courseware.sources import line_of, read_entries, read_source
from courseware.typography import typeset
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
    """What one loading did, by slug; chapters with a fault kept their old text."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    broken: list[BrokenChapter] = field(default_factory=list)


@dataclass
class ReadCourse:
    """What the files of a folder say, by slug; ``broken`` ones say nothing now."""

    slugs: list[str]
    chapters: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]
    """Fields of the Chapter, and of each Section."""
    broken: list[BrokenChapter]


def load_chapters(directory: Path = CONTENT) -> Report:
    """Make the database say what ``directory``'s ``*.md`` files say; idempotent."""
    try:
        return save_course(read_course(directory))
    except Unpublishable as error:
        return Report(broken=list(error.faults))


def read_course(directory: Path) -> ReadCourse:
    """All chapters, without the database; Unpublishable for the glossary's faults."""
    glossary = read_glossary(directory / "glossary.yaml")
    present = sorted(directory.glob("*.md"))
    course = ReadCourse([path.stem for path in present], {}, [])
    for path in present:
        try:
            course.chapters[path.stem] = render_chapter(path, glossary)
        except Unpublishable as error:
            course.broken += error.faults
    return course


def save_course(course: ReadCourse) -> Report:
    """Write what differs; chapters whose file is gone go, with what was read in them,
    unless a file is broken: it may be theirs under another name."""
    report = Report(broken=list(course.broken))
    for slug, (fields, sections) in course.chapters.items():
        getattr(report, _save(slug, fields, sections)).append(slug)
    if report.broken:
        return report
    gone = Chapter.objects.exclude(slug__in=course.slugs)
    report.removed = list(gone.values_list("slug", flat=True))
    gone.delete()
    return report


def read_glossary(path: Path) -> dict[str, dict[str, str]]:
    """Terms by id, each with ``name`` and ``says``; Unpublishable with all faults.

    A term may print a figure of a claim of any chapter beside it.
    """
    faults: list[BrokenChapter] = []
    terms = read_entries(path, faults)
    for term_id, row in terms.items():
        reason = ""
        if not SLUG.fullmatch(term_id):
            reason = f"{term_id!r} is not of a-z, 0-9 and -."
        elif not isinstance(row, dict) or set(row) != {"name", "says"}:
            reason = f"the term {term_id!r} has the fields name and says, no others."
        else:
            reason = _fill_term(row, path.parent)
        if reason:
            faults.append(BrokenChapter(path, line_of(path, term_id), reason))
    if faults:
        raise Unpublishable(faults)
    return terms


def _fill_term(row: dict[str, str], directory: Path) -> str:
    """Fill the figures of its words in; what is wrong with them, or ""."""
    try:
        row["says"] = fill(str(row["says"]), lambda: read_all_claims(directory))
    except NoValue as error:
        return f"{error}."
    return ""


def render_chapter(
    path: Path, glossary: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(fields of Chapter, fields of each Section), or Unpublishable with all faults."""
    faults: list[BrokenChapter] = []
    if not SLUG.fullmatch(path.stem) or len(path.stem) > 80:
        faults.append(BrokenChapter(path, 1, "a file's name is of a-z, 0-9 and -."))
    page, pieces, drawer = _read(path, glossary, faults)
    faults += page.faults
    if faults:
        raise Unpublishable(faults)
    if drawer.used_claims:
        title = "Every figure and its source"
        pieces.append(Piece("sources", title, None, title, drawer.sources()))
    sections = [
        {"position": position, **asdict(piece)} for position, piece in enumerate(pieces)
    ]
    return _fields(page), sections


def _read(
    path: Path, glossary: dict[str, Any], faults: list[BrokenChapter]
) -> tuple[Page, list[Piece], Drawer]:
    """What a chapter's files say; their faults go to ``faults`` and the page."""
    claims_path = path.with_suffix(".claims.yaml")
    claims = read_claims(claims_path, faults)
    source = ""
    try:
        source = read_source(path)
    except BrokenChapter as fault:
        faults.append(fault)
    named = _named(source)
    if not claims and any(fault.path == claims_path for fault in faults):
        claims = {name: nothing_said(name) for name in named}
    read_notes(path.with_suffix(".notes.yaml"), claims, source, faults)
    drawer = Drawer(path, claims, glossary, [name for name in named if name in claims])
    page = Page(path, drawer.directive, drawer.role, drawer.value)
    if not source and faults:
        return page, [], drawer
    try:
        pieces = [piece for piece in read_page(page, source) if piece.html.strip()]
    except RecursionError:
        page.report(1, "it nests deeper than can be read.")
        return page, [], drawer
    kept = set(named) if page.faults else set()
    for name in sorted(set(claims) - drawer.used_claims - kept):
        line = line_of(claims_path, name)
        faults.append(BrokenChapter(claims_path, line, f"no text uses {name}."))
    return page, pieces, drawer


def _named(source: str) -> dict[str, None]:
    """The claims that a chapter names: themselves, by a figure, by what it draws."""
    names = _CLAIM_NAMES.findall(source) + _VALUE_NAMES.findall(source)
    for figure in _FIGURES.findall(source):
        names += claims_of(figure)
    return dict.fromkeys(names)


def _fields(page: Page) -> dict[str, Any]:
    short = page.num_short_words
    return {
        "title": typeset(str(page.meta["title"])),
        "subtitle": typeset(str(page.meta.get("subtitle", ""))),
        "summary": typeset(str(page.meta["summary"])),
        "position": int(page.meta["position"]),
        "is_draft": bool(page.meta.get("draft", False)),
        "minutes": _minutes(page.num_words),
        "short_minutes": _minutes(short) if short else None,
    }


def _minutes(num_words: int) -> int:
    return max(1, round(num_words / WORDS_A_MINUTE))


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
