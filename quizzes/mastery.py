"""What a learner knows: mastery per tag, best and last attempt, what to read again."""

from collections import defaultdict
from typing import Any

from quizzes.models import Answer, Attempt, Quiz

NUM_RECENT = 5
"""Answers of a tag that count: what was not known last month may be known today."""
KNOWN_FROM = 0.8
MANY = 400


def mastery_of(learner_id: str | None) -> list[dict[str, Any]]:
    """Per tag the mean score of the latest answers, weakest first."""
    rows = (
        Answer.objects.filter(attempt__learner_id=learner_id, state=Answer.State.DONE)
        .order_by("-answered_at")
        .values_list("question__tags", "score")[:MANY]
    )
    scores: dict[str, list[float]] = defaultdict(list)
    for tags, score in rows:
        for tag in tags:
            if score is not None and len(scores[tag]) < NUM_RECENT:
                scores[tag].append(score)
    found = [
        {
            "tag": tag,
            "percent": round(100 * sum(values) / len(values)),
            "num_answers": len(values),
            "is_known": sum(values) / len(values) >= KNOWN_FROM,
        }
        for tag, values in scores.items()
    ]
    return sorted(found, key=lambda row: (row["percent"], row["tag"]))


def attempts_of(learner_id: str | None, quiz: Quiz) -> dict[str, Any]:
    """The best and the last closed attempt, and how many there are."""
    closed = Attempt.objects.filter(
        learner_id=learner_id, quiz=quiz, closed_at__isnull=False
    )
    best = closed.order_by("-score", "-marks", "closed_at").first()
    last = closed.order_by("-closed_at").first()
    return {"best": best, "last": last, "number": closed.count()}


def to_reread(answers: list[Answer]) -> list[str]:
    """Anchors of the sections behind answers that were not right, each once."""
    anchors = [
        answer.question.authored().section
        for answer in answers
        if answer.state != Answer.State.FAILED and (answer.score or 0) < 1
    ]
    return list(dict.fromkeys(anchor for anchor in anchors if anchor))
