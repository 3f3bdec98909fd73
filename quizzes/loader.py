"""The bank into the database: changed questions become new revisions. Idempotent."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import transaction

from quizzes.bank import BANK, Bank, QuizPlan, read_bank
from quizzes.errors import BrokenBank
from quizzes.models import LearningGoal, QuestionRevision, Quiz
from quizzes.rules import faults_of_bank


@dataclass
class Report:
    """What one loading did, by name; nothing changes while something is broken."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    broken: list[BrokenBank] = field(default_factory=list)
    unfair: list[str] = field(default_factory=list)
    """Rules of quizzes.rules that the whole bank does not keep; it is loaded."""


def load_quizzes(directory: Path = BANK) -> Report:
    """Make the database ask what the files ask."""
    return load_bank(read_bank(directory))


def load_bank(bank: Bank) -> Report:
    """The same for files that have been read."""
    report = Report(broken=bank.broken)
    if bank.broken:
        return report
    with transaction.atomic():
        for name, body in bank.bodies.items():
            getattr(report, _save(name, body, bank)).append(name)
        gone = QuestionRevision.objects.filter(is_current=True).exclude(
            name__in=bank.bodies
        )
        report.removed = list(gone.values_list("name", flat=True))
        gone.update(is_current=False)
        _save_goals(bank)
        for position, plan in enumerate(bank.quizzes):
            _save_quiz(plan, position)
        names = [plan.name for plan in bank.quizzes]
        Quiz.objects.exclude(name__in=names).update(is_current=False)
    if bank.goals is not None:
        report.unfair = faults_of_bank(bank.questions, bank.goals)
    return report


def revision_of(body: dict[str, Any]) -> str:
    """Hash of a body, whatever the order of its fields."""
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _save(name: str, body: dict[str, Any], bank: Bank) -> str:
    revision = revision_of(body)
    rows = QuestionRevision.objects.filter(name=name)
    if rows.filter(revision=revision, is_current=True).exists():
        return "unchanged"
    outcome = "changed" if rows.filter(is_current=True).exists() else "added"
    rows.update(is_current=False)
    question = bank.questions[name]
    QuestionRevision.objects.update_or_create(
        name=name,
        revision=revision,
        defaults={
            "kind": question.kind,
            "tags": list(question.tags),
            "goal": question.goal,
            "body": body,
            "is_current": True,
        },
    )
    return outcome


def _save_goals(bank: Bank) -> None:
    goals = bank.goals or {}
    LearningGoal.objects.exclude(name__in=goals).update(is_current=False)
    for position, goal in enumerate(goals.values()):
        LearningGoal.objects.update_or_create(
            name=goal.name,
            defaults={
                "text": goal.text,
                "chapter": goal.chapter,
                "section": goal.section,
                "position": position,
                "is_current": True,
            },
        )


def _save_quiz(plan: QuizPlan, position: int) -> None:
    Quiz.objects.update_or_create(
        name=plan.name,
        defaults={
            "title": plan.title,
            "chapter": plan.chapter,
            "anchor": plan.anchor,
            "asks_confidence": plan.asks_confidence,
            "draws": [list(names) for names in plan.draws],
            "position": position,
            "is_current": True,
        },
    )
