"""``manage.py evalmentor``: is what the mentor shows as fact right?"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab import client
from mentor.errors import MentorError
from mentor.evaluation import Judged, judge, read_questions, results

QUESTIONS = Path("tests", "data", "mentor_questions.yaml")


class Command(BaseCommand):
    """Asks every question of a file through the pipeline, without an engine."""

    help = "Say how often the mentor is right, wrong, and declines, by scope and kind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--questions",
            type=Path,
            default=Path(settings.BASE_DIR, QUESTIONS),
            help=f"a YAML file of questions, by default {QUESTIONS}",
        )
        parser.add_argument(
            "--recording",
            type=Path,
            help="the recording whose state questions about the lab are answered from; "
            "by default one that ships with the product",
        )
        parser.add_argument(
            "--step", type=int, help="the step at which the recording is stopped"
        )
        parser.add_argument(
            "--live",
            action="store_true",
            help="answer them from the engine that runs, if one does",
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one line that is a JSON object of all results",
        )
        parser.add_argument(
            "--missed", action="store_true", help="also list every question missed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            questions = read_questions(options["questions"])
            with self._lab(options):
                for question in questions[:1]:
                    judge(question)  # reads the course and the model
                judged = [judge(question) for question in questions]
        except (MentorError, ValueError) as error:
            raise CommandError(str(error)) from error
        if options["missed"]:
            self._lines(_missed(one) for one in judged if _is_missed(one))
        for name in ("scope", "kind", "section"):
            self._lines(_table(name, judged))
        found = results(judged)
        self._lines(f"{r['name']:<20} {r['value']:g} {r['unit']}" for r in found)
        if options["json"]:
            self.stdout.write(json.dumps({"bench": "evalmentor", "results": found}))

    @contextmanager
    def _lab(self, options: dict[str, Any]) -> Iterator[None]:
        """What the lab's questions are answered from, which is said."""
        if options["live"]:
            yield
            return
        with client.recorded(options["recording"], options["step"]) as label:
            self.stdout.write(f"lab: {label}")
            yield

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def _table(name: str, judged: Sequence[Judged]) -> list[str]:
    """A line for each value of a field of questions."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[getattr(one.question, name) or "–"].append(one)
    head = (
        f"{name:<26} {'asked':>6} {'right':>6} {'wrong':>6} {'offer':>6} "
        f"{'declined':>9} {'ms':>6}"
    )
    return ["", head, *(_line(key, groups[key]) for key in sorted(groups))]


def _line(key: str, some: Sequence[Judged]) -> str:
    right, wrong = sum(j.right for j in some), sum(j.wrong for j in some)
    offered = sum(j.kind == "offer" for j in some)
    declined = sum(j.declined for j in some)
    middle = sorted(j.ms for j in some)[len(some) // 2]
    return (
        f"{key:<26} {len(some):>6} {right:>6} {wrong:>6} {offered:>6} "
        f"{declined:>9} {middle:>6.0f}"
    )


def _is_missed(one: Judged) -> bool:
    is_right = one.right if one.question.scope == "in" else one.declined
    return one.wrong or not is_right


def _missed(one: Judged) -> str:
    q = one.question
    said = "WRONG" if one.wrong else one.kind
    return (
        f"{q.scope:<9} {said:<7} {one.score:5.1f} {one.note_id:<24} "
        f"{'in 3' if one.retrieved else '    '} [{q.section}] {q.q}"
    )
