"""Progress: the sections a learner has read, and how far readers come.

A section counts when it has a title and is none of those that the loader adds.
"""

from collections import Counter
from dataclasses import dataclass

from django.db import models

from courseware.models import Chapter, Learner, ReadSection, Section

ADDED = ("sources", "notes")
"""Sections that the loader adds: nobody is asked to read them."""


@dataclass(frozen=True)
class Progress:
    """How many of a chapter's sections somebody has read."""

    num_read: int
    num_sections: int

    @property
    def percent(self) -> int:
        """0 to 100."""
        return (
            round(100 * self.num_read / self.num_sections) if self.num_sections else 0
        )

    @property
    def is_done(self) -> bool:
        """Whether every section was read."""
        return 0 < self.num_sections <= self.num_read


def counted() -> models.QuerySet[Section]:
    """The sections that progress is about."""
    return Section.objects.exclude(title="").exclude(anchor__in=ADDED)


def mark_read(learner_id: str, chapter: Chapter, anchors: list[str]) -> None:
    """Remember that these sections were read; those that are none are left out."""
    learner = Learner.objects.filter(learner_id=learner_id).first()
    if learner is None:
        return
    known = counted().filter(chapter=chapter, anchor__in=anchors)
    rows = [
        ReadSection(learner=learner, chapter=chapter, anchor=anchor)
        for anchor in known.values_list("anchor", flat=True)
    ]
    ReadSection.objects.bulk_create(rows, ignore_conflicts=True)


def read_anchors(learner_id: str | None, chapter: Chapter) -> set[str]:
    """Anchors of the sections that this learner has read."""
    if learner_id is None:
        return set()
    found = ReadSection.objects.filter(learner_id=learner_id, chapter=chapter)
    return set(found.values_list("anchor", flat=True))


def by_chapter(learner_id: str | None) -> dict[str, Progress]:
    """Progress of a learner by the chapter's slug."""
    totals = counted().order_by().values_list("chapter_id")
    rows = dict(totals.annotate(models.Count("pk")))
    read: dict[str, int] = {}
    if learner_id is not None:
        mine = ReadSection.objects.filter(learner_id=learner_id).values_list(
            "chapter_id"
        )
        read = dict(mine.annotate(models.Count("pk")))
    return {slug: Progress(read.get(slug, 0), total) for slug, total in rows.items()}


def move(learner_id: str, into: str) -> None:
    """Give one learner's progress to another; what both have read stays once."""
    rows = ReadSection.objects.filter(learner_id=learner_id)
    copies = [
        ReadSection(
            learner_id=into,
            chapter_id=row.chapter_id,
            anchor=row.anchor,
            read_at=row.read_at,
        )
        for row in rows
    ]
    ReadSection.objects.bulk_create(copies, ignore_conflicts=True)
    rows.delete()


@dataclass(frozen=True)
class Readership:
    """Counts of readers, of nobody in particular."""

    num_readers: int
    num_finished: int
    read_by: dict[str, int]
    """Readers of each section, by anchor."""
    stopped_at: dict[str, int]
    """Readers whose last section in reading order this is, the end left out."""


def readership(chapter: Chapter) -> Readership:
    """How far readers came in a chapter: counts only."""
    anchors = list(counted().filter(chapter=chapter).values_list("anchor", flat=True))
    place = {anchor: index for index, anchor in enumerate(anchors)}
    read_by: Counter[str] = Counter()
    furthest: dict[str, int] = {}
    num_read: Counter[str] = Counter()
    rows = ReadSection.objects.filter(chapter=chapter, anchor__in=anchors)
    for learner_id, anchor in rows.values_list("learner_id", "anchor"):
        read_by[anchor] += 1
        num_read[learner_id] += 1
        furthest[learner_id] = max(furthest.get(learner_id, 0), place[anchor])
    stops = Counter(anchors[at] for at in furthest.values() if at + 1 < len(anchors))
    num_finished = sum(number == len(anchors) for number in num_read.values())
    return Readership(len(furthest), num_finished, dict(read_by), dict(stops))
