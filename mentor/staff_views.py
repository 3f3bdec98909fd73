"""For course staff: questions that need a note, without who asked them.

Such are those that the course did not answer and answers that were marked wrong. Each
is shown with the day, never with a learner, a conversation or an hour.
"""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from courseware.models import Chapter
from courseware.notes import CONTENT, headings
from courseware.sources import read_source
from mentor import new_notes
from mentor.models import Turn

COLUMNS = (
    "why",
    "question",
    "about",
    "section",
    "level",
    "course_said",
    "engine_said",
    "reason",
    "note",
    "day",
)
MAX_SHOWN = 500
"""Newest first; the file has all."""
UNANSWERED = ("offer", "near", "decline")


@require_GET
@never_cache
@staff_member_required
def questions(request: HttpRequest) -> HttpResponse:
    """The questions, newest first, and the way to the file."""
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in _rows(MAX_SHOWN)]
    num_right = Turn.objects.filter(verdict="right").count()
    context = {"rows": rows, "num_right": num_right, "most": MAX_SHOWN}
    return render(request, "mentor/questions.html", context)


@require_GET
@never_cache
@staff_member_required
def questions_csv(request: HttpRequest) -> HttpResponse:
    """All of them, one a line: what new notes are written from."""
    lines = StringIO()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    writer.writerows([plain(cell) for cell in row] for row in _rows(None))
    response = HttpResponse(lines.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="questions.csv"'
    return response


@require_GET
@never_cache
@staff_member_required
def questions_yaml(request: HttpRequest) -> HttpResponse:
    """The same as notes to be filled in, alike questions together."""
    rows = (dict(zip(COLUMNS, row, strict=True)) for row in _rows(MAX_SHOWN))
    unanswered = [
        new_notes.Unanswered(row["question"], row["why"], row["section"], row["reason"])
        for row in rows
    ]
    text = new_notes.as_yaml(new_notes.drafts(unanswered), _titles())
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="new.notes.yaml"'
    return response


def _titles() -> dict[str, dict[str, str]]:
    """Headings of the published chapters that lie as files, by slug."""
    slugs = Chapter.objects.published().values_list("slug", flat=True)
    files = ((slug, CONTENT / f"{slug}.md") for slug in slugs)
    return {slug: headings(read_source(f)) for slug, f in files if f.exists()}


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _rows(most: int | None) -> Iterator[tuple[str, ...]]:
    needed = Q(kind__in=UNANSWERED) | Q(verdict="wrong")
    for turn in Turn.objects.filter(needed).order_by("-pk")[:most]:
        said: dict[str, Any] = turn.course or {}
        texts = [sentence["text"] for sentence in said.get("sentences", [])]
        yield (
            "marked wrong" if turn.verdict == "wrong" else turn.kind,
            turn.question,
            turn.selected,
            turn.section,
            turn.level,
            " ".join([said.get("words", ""), *texts]).strip(),
            turn.answer,
            turn.reason,
            said.get("note_id", ""),
            turn.created_at.date().isoformat(),
        )
