"""What answers say about questions: difficulty, discrimination, wrong choices, time.

Only first tries of closed attempts count. Difficulty is the mean score (classical
test theory calls it p: 1 is easy). Discrimination is the correlation of a question's
score with the score of the attempt's other questions (corrected item-total).
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from quizzes.models import Answer, LearningGoal, Quiz

MIN_FOR_DISCRIMINATION = 5


@dataclass
class QuestionStatistics:
    """One question over all its revisions and variants."""

    name: str
    num_answers: int = 0
    difficulty: float | None = None
    discrimination: float | None = None
    median_seconds: float | None = None
    mean_hints: float | None = None
    wrong: list[tuple[str, int]] = field(default_factory=list)
    """What was given where it was not right, most frequent first."""


def counted_answers(quiz: Quiz) -> list[Answer]:
    """First tries of closed attempts, with their question and attempt."""
    rows = Answer.objects.filter(
        attempt__quiz=quiz,
        attempt__closed_at__isnull=False,
        number=1,
        state=Answer.State.DONE,
    )
    return list(rows.select_related("question", "attempt"))


def question_statistics(answers: Iterable[Answer]) -> list[QuestionStatistics]:
    """Statistics of each question, hardest first."""
    rows = list(answers)
    totals: dict[Any, float] = defaultdict(float)
    for row in rows:
        totals[row.attempt_id] += row.score or 0
    by_name: dict[str, list[Answer]] = defaultdict(list)
    for row in rows:
        by_name[row.question.name].append(row)
    found = [_statistics(name, given, totals) for name, given in by_name.items()]
    return sorted(found, key=lambda row: (row.difficulty or 0, row.name))


def goal_statistics(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Mean score of each goal over all its questions, hardest first."""
    scores: dict[str, list[float]] = defaultdict(list)
    for row in answers:
        scores[row.question.goal].append(row.score or 0.0)
    found = [
        {
            "text": goal.text,
            "num_answers": len(scores[goal.name]),
            "difficulty": statistics.fmean(scores[goal.name]),
        }
        for goal in LearningGoal.objects.filter(name__in=scores)
    ]
    return sorted(found, key=lambda row: (row["difficulty"], row["text"]))


def _statistics(
    name: str, rows: Sequence[Answer], totals: dict[Any, float]
) -> QuestionStatistics:
    scores = [row.score or 0.0 for row in rows]
    rests = [totals[row.attempt_id] - (row.score or 0.0) for row in rows]
    seconds = [row.seconds for row in rows if row.seconds is not None]
    wrong: Counter[str] = Counter()
    for row in rows:
        if (row.score or 0) < 1:
            wrong.update(wrong_parts(row))
    return QuestionStatistics(
        name=name,
        num_answers=len(rows),
        difficulty=statistics.fmean(scores),
        discrimination=discrimination(scores, rests),
        median_seconds=statistics.median(seconds) if seconds else None,
        mean_hints=statistics.fmean(row.num_hints for row in rows),
        wrong=wrong.most_common(5),
    )


def discrimination(scores: Sequence[float], rests: Sequence[float]) -> float | None:
    """Correlation of a question with the rest; None where it is not defined."""
    if len(scores) < MIN_FOR_DISCRIMINATION:
        return None
    try:
        return statistics.correlation(scores, rests)
    except statistics.StatisticsError:  # everybody scored the same
        return None


def wrong_parts(answer: Answer) -> list[str]:
    """What was given that was not right, in the author's words."""
    variant = answer.variant()
    kind = variant.question.kind
    given = answer.submitted
    if kind in ("single", "multiple", "truefalse"):
        chosen = [part for part in variant.parts if part.letter in given]
        # As it was written: variants of a text count together.
        return [
            variant.question.choices[part.index]
            .text.replace("{{", "{")
            .replace("}}", "}")
            for part in chosen
            if not variant.question.choices[part.index].is_right
        ] or ["too few chosen"]
    if kind in ("ordering", "matching"):
        rights = answer.regrade().right_parts if kind != "measured" else frozenset()
        partners = {part.letter: part.text for part in variant.partners}
        return [
            f"{part.text} → {partners.get(given[part.letter], given[part.letter])}"
            for part in variant.parts
            if part.letter in given and part.letter not in rights
        ]
    return [str(value) for value in given.values()]
