"""What a learner knows: standing by goal, best and last attempt, what to read again."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from courseware.models import Section
from quizzes.goals import Standing, evidence, standing
from quizzes.models import Answer, Attempt, LearningGoal, Quiz

NUM_RECENT = 5
"""Answers about a goal that count: what was not known last month may be known today."""
MANY = 400
_ORDER = [Standing.NOT_YET, Standing.SHAKY, Standing.MET]


def mastery_of(learner_id: str | None) -> list[dict[str, Any]]:
    """Every goal with the standing of the latest answers about it, weakest first."""
    rows = (
        Answer.objects.filter(attempt__learner_id=learner_id, state=Answer.State.DONE)
        .order_by("-answered_at")
        .values_list("question__goal", "score", "num_hints", "confidence")[:MANY]
    )
    found: dict[str, list[float]] = defaultdict(list)
    for goal, score, num_hints, confidence in rows:
        if goal and len(found[goal]) < NUM_RECENT:
            found[goal].append(evidence(score or 0.0, num_hints, confidence))
    return _standings(found)


def goals_of(tries: Iterable[Answer]) -> list[dict[str, Any]]:
    """The goals that an attempt asked about, from its first tries, weakest first.

    A question without an answer says "not yet"; one that could not be measured nothing.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for row in tries:
        if row.question.goal and row.state != Answer.State.FAILED:
            said = evidence(row.score or 0.0, row.num_hints, row.confidence)
            found[row.question.goal].append(said)
    return _standings(found)


def _standings(found: dict[str, list[float]]) -> list[dict[str, Any]]:
    rows = []
    for goal in LearningGoal.objects.filter(name__in=found, is_current=True):
        evidences = found[goal.name]
        rows.append(
            {
                "text": goal.text,
                "standing": standing(evidences).value,
                "slug": standing(evidences).name.lower().replace("_", "-"),
                "percent": round(100 * sum(evidences) / len(evidences)),
                "num_answers": len(evidences),
                "section": section_of(goal.chapter, goal.section),
            }
        )
    return sorted(
        rows, key=lambda row: (_ORDER.index(Standing(row["standing"])), row["percent"])
    )


def section_of(chapter: str, anchor: str) -> dict[str, str] | None:
    """Link to a section of a chapter, or to a sub-heading; None if there is none."""
    row = Section.objects.with_heading(chapter, anchor)
    if row is None:
        return None
    url = reverse("courseware:chapter", args=[chapter])
    return {"title": row.title_of(anchor), "url": f"{url}#{anchor}"}


def attempts_of(learner_id: str | None, quiz: Quiz) -> dict[str, Any]:
    """The best and the last closed attempt, and how many there are."""
    closed = Attempt.objects.filter(
        learner_id=learner_id, quiz=quiz, closed_at__isnull=False
    )
    best = closed.order_by("-score", "-marks", "closed_at").first()
    last = closed.order_by("-closed_at").first()
    return {"best": best, "last": last, "number": closed.count()}


def to_reread(answers: list[Answer]) -> list[str]:
    """Ids of the headings behind answers that were not right, each once."""
    anchors = [
        answer.question.authored().section
        for answer in answers
        if answer.state != Answer.State.FAILED and (answer.score or 0) < 1
    ]
    return list(dict.fromkeys(anchor for anchor in anchors if anchor))
