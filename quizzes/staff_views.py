"""For course staff: how questions did, and all answers as CSV.

Names only of learners who agreed; everybody else is a number within the file.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from courseware.models import Learner
from quizzes.models import Answer, NameConsent, Quiz
from quizzes.statistics import (
    counted_answers,
    goal_statistics,
    question_statistics,
    wrong_parts,
)

COLUMNS = (
    "learner",
    "attempt",
    "question",
    "kind",
    "tags",
    "goal",
    "outcome",
    "score",
    "marks",
    "confidence",
    "hints",
    "seconds",
    "answered_at",
    "wrong",
)


@require_GET
@never_cache
@staff_member_required
def overview(request: HttpRequest) -> HttpResponse:
    """All quizzes, to choose one."""
    context = {"quizzes": Quiz.objects.all()}
    return render(request, "quizzes/statistics.html", context)


@require_GET
@never_cache
@staff_member_required
def statistics(request: HttpRequest, quiz_name: str) -> HttpResponse:
    """Per question: difficulty, discrimination, wrong answers, time."""
    quiz = get_object_or_404(Quiz, name=quiz_name)
    answers = counted_answers(quiz)
    context = {
        "quizzes": Quiz.objects.all(),
        "quiz": quiz,
        "questions": question_statistics(answers),
        "goals": goal_statistics(answers),
        "num_attempts": len({row.attempt_id for row in answers}),
    }
    return render(request, "quizzes/statistics.html", context)


@require_GET
@never_cache
@staff_member_required
def answers_csv(request: HttpRequest, quiz_name: str) -> StreamingHttpResponse:
    """Every counted answer, one a line."""
    quiz = get_object_or_404(Quiz, name=quiz_name)
    writer = csv.writer(_Echo())
    rows = _rows(counted_answers(quiz))
    lines = (writer.writerow(row) for row in [COLUMNS, *rows])
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{quiz.name}.csv"'
    return response


class _Echo:
    """csv writes into it and gets the line back."""

    def write(self, line: str) -> str:
        return line


def _rows(answers: Iterable[Answer]) -> Iterator[list[Any]]:
    names = agreed_names()
    numbers: dict[str, int] = {}
    for row in answers:
        learner_id = row.attempt.learner_id
        number = numbers.setdefault(learner_id, len(numbers) + 1)
        yield [
            plain(names.get(learner_id, f"learner {number}")),
            row.attempt.number,
            row.question.name,
            row.question.kind,
            " ".join(row.question.tags),
            row.question.goal,
            row.outcome,
            row.score,
            row.marks,
            row.confidence or "",
            row.num_hints,
            "" if row.seconds is None else round(row.seconds, 1),
            row.answered_at.isoformat() if row.answered_at else "",
            plain(" | ".join(wrong_parts(row)) if (row.score or 0) < 1 else ""),
        ]


def agreed_names() -> dict[str, str]:
    """E-mail addresses by learner id, of those who agreed."""
    agreed = NameConsent.objects.values_list("learner_id", flat=True)
    rows = Learner.objects.filter(learner_id__in=agreed, user__isnull=False)
    return dict(rows.values_list("learner_id", "user__email"))


def plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
