"""The course as a whole: what is planned, its words, its index."""

from functools import cache
from typing import Any

import yaml
from django.conf import settings
from django.db.models import Count, Max
from django.urls import reverse

from courseware.loader import CONTENT, read_glossary
from courseware.models import Chapter, Section
from courseware.search import Entry, Index
from courseware.typography import typeset


def _read(name: str) -> Any:
    return yaml.safe_load((CONTENT / name).read_text(encoding="utf-8"))


def _read_terms() -> dict[str, dict[str, str]]:
    return read_glossary(CONTENT / "glossary.yaml")


_read_once, _read_terms_once = cache(_read), cache(_read_terms)


def _content(name: str) -> Any:
    """A file of the course: once, or anew each time while it is being written."""
    return _read(name) if settings.DEBUG else _read_once(name)


def planned() -> list[dict[str, Any]]:
    """Chapters that are not written yet: title and summary."""
    return list(_content("course.yaml")["planned"])


def glossary() -> list[dict[str, str]]:
    """Every term with id, name and what it says, by name."""
    read = _read_terms if settings.DEBUG else _read_terms_once
    rows = [
        {"id": term_id, "name": row["name"], "says": typeset(row["says"])}
        for term_id, row in read().items()
    ]
    return sorted(rows, key=lambda row: row["name"].casefold())


_index: tuple[object, Index] | None = None


def index() -> Index:
    """The index of all sections and terms; made anew when a chapter has changed."""
    global _index
    state = Chapter.objects.aggregate(Count("pk"), Max("updated_at"))
    fingerprint = (state["pk__count"], state["updated_at__max"])
    if _index is None or _index[0] != fingerprint:
        _index = (fingerprint, Index([*_terms(), *_sections()]))
    return _index[1]


def _terms() -> list[Entry]:
    url = reverse("courseware:glossary")
    return [
        Entry(row["name"], "Glossary", f"{url}#{row['id']}", row["says"])
        for row in glossary()
    ]


def _sections() -> list[Entry]:
    rows = Section.objects.values_list(
        "title", "anchor", "text", "chapter_id", "chapter__title"
    )
    entries = []
    for title, anchor, text, slug, chapter in rows:
        url = f"{reverse('courseware:chapter', args=[slug])}#{anchor}"
        entries.append(Entry(title or chapter, chapter, url, text))
    return entries
