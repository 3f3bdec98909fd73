"""The chapters' sections as passages, indexed once per state of the course."""

from functools import lru_cache

import yaml
from django.urls import reverse

from courseware.loader import CONTENT
from courseware.models import Section
from mentor.retrieval import Passage, PassageIndex, split

MIN_SECTION_CHARS = 400
"""A section with less only invites to something (to ask, to a quiz)."""
Row = tuple[str, str, str]
"""(title, url, text) of one section."""


def chapter_index() -> PassageIndex:
    """Every passage in reading order; built anew when a text changed."""
    published = Section.objects.filter(chapter__is_draft=False)
    sections = published.select_related("chapter").order_by(
        "chapter__position", "position"
    )
    return _index(
        tuple(
            _row(section)
            for section in sections
            if len(section.text) >= MIN_SECTION_CHARS
        )
    )


def _row(section: Section) -> Row:
    page = reverse("courseware:chapter", args=[section.chapter_id])
    title = section.title or section.chapter.title
    return title, f"{page}#{section.anchor}", section.text


@lru_cache(maxsize=1)
def _index(rows: tuple[Row, ...]) -> PassageIndex:
    passages = _definitions(rows)
    for title, url, text in rows:
        passages.extend(split(title, url, text))
    return PassageIndex(passages)


def _definitions(rows: tuple[Row, ...]) -> list[Passage]:
    """The glossary's terms: plain sentences, which a small model repeats best. Each
    leads to the first section that uses it; terms that none uses are left out."""
    terms = yaml.safe_load((CONTENT / "glossary.yaml").read_text())
    definitions = []
    for term in terms.values():
        name = str(term["name"])
        urls = [url for _, url, text in rows if name.lower() in text.lower()]
        if urls:
            definitions.append(Passage(name, urls[0], str(term["says"]), True))
    return definitions
