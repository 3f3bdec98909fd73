"""``manage.py evalmentor``: is what the mentor shows as fact right?"""

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from lab import client
from lab.messages import EngineStatus
from mentor.errors import MentorError
from mentor.evaluation import Judged, Question, judge, read_questions, results
from mentor.voice_evaluation import AT_ONCE, Voiced, engine, put, start_s
from mentor.voice_evaluation import results as voice_results
from mentor.voices import VOICES, Voice, keep, measured

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
        parser.add_argument(
            "--voice",
            action="store_true",
            help="measure the words of the engine that runs instead (make run), on "
            "the questions inside the course",
        )
        parser.add_argument(
            "--sample", type=int, help="only so many of them, drawn at random"
        )
        parser.add_argument(
            "--seed", type=int, default=0, help="of the draw, by default 0"
        )
        parser.add_argument(
            "--keep",
            type=Path,
            nargs="?",
            const=VOICES,
            help="with --voice: write the figures beside the model's name into this "
            f"file, by default mentor/{VOICES.name}, from which the page takes whose "
            "words lead",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            questions = read_questions(options["questions"])
            if options["voice"]:
                self._voice(questions, options)
                return
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
        self._report("evalmentor", results(judged), options["json"])

    def _voice(self, questions: Sequence[Question], options: dict[str, Any]) -> None:
        """The engine's own words, on the questions that the course answers."""
        status = engine()
        some = [q for q in questions if q.scope == "in" and not q.is_lab]
        if options["sample"]:
            number = min(options["sample"], len(some))
            some = random.Random(options["seed"]).sample(some, number)
        began = time.monotonic()
        voiced = list(put(some))
        found = voice_results(voiced, time.monotonic() - began)
        if options["missed"]:
            self._lines(line for one in voiced for line in _heard(one))
        self.stdout.write(f"{status.label}, started in {start_s(status):.1f} s")
        self._report("evalmentor --voice", found, options["json"])
        if options["keep"] and found:
            keep(_voice(status, found, len(voiced)), options["keep"])

    def _report(self, bench: str, found: list[dict[str, Any]], as_json: bool) -> None:
        self._lines(f"{r['name']:<20} {r['value']:g} {r['unit']}" for r in found)
        if as_json:
            self.stdout.write(json.dumps({"bench": bench, "results": found}))

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


def _voice(
    status: EngineStatus, found: list[dict[str, Any]], num_questions: int
) -> Voice:
    return measured(
        found,
        model=status.model_in_words,
        start_s=round(start_s(status), 1),
        num_questions=num_questions,
        at_once=AT_ONCE,
        machine=status.machine or status.device,
        measured=timezone.now().date().isoformat(),
    )


def _heard(one: Voiced) -> list[str]:
    """A question with the engine's sentences, and why one is struck."""
    outcome = "WRONG" if one.wrong else "right" if one.right else "not"
    head = f"{outcome:<6} {one.question.q}"
    rows = [
        f"    {'+' if row['supported'] else '-'} {row['text']}"
        + ("" if row["supported"] else f"  [{row['why']}]")
        for row in one.sentences
    ]
    return [head, *rows, *([f"    ! {one.error}"] if one.error else [])]
