"""``manage.py recordquizruns``: run every measured question on the engine that is up,
and keep its reports for times when none is."""

import datetime
import secrets
import time
import uuid
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.models import Learner
from lab import client
from lab.messages import EngineStatus, Generation
from quizzes.bank import BANK, RECORDED, read_bank
from quizzes.models import RecordedRun
from quizzes.questions import Question
from quizzes.reports import REPORT_NUMBERS, numbers_of, of_run
from quizzes.variants import variant_of

HEAD = (
    "# What real engines answered, for times when none is up. Written by\n"
    '# "manage.py recordquizruns" on a running engine; nothing is computed by hand.\n'
)


class Command(BaseCommand):
    """Needs the whole stack: an engine host and the default worker.

    Of several tries of a question the quickest is kept whole: other work on the machine
    only ever makes it slower.
    """

    help = "Record the measured questions' runs on the running engine."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long one request may take, and how often each question is run."""
        parser.add_argument("--timeout", type=float, default=120.0, metavar="S")
        parser.add_argument(
            "--tries",
            type=int,
            default=3,
            metavar="N",
            help="run each question so often; the try that took least time is kept",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run all, then write the file; nothing is written if one fails."""
        engine = client.ready_engine()
        if engine is None:
            raise CommandError("No engine is ready: start one with make run.")
        learner = Learner.objects.create(learner_id=uuid.uuid4().hex)
        try:
            reports = {
                question.name: {
                    "exact": True,
                    "runs": min(
                        (
                            self._runs(question, learner.learner_id, engine, options)
                            for _ in range(options["tries"])
                        ),
                        key=lambda runs: sum(run["e2el_ms"] for run in runs),
                    ),
                }
                for question in read_bank().questions.values()
                if question.kind == "measured"
            }
        finally:
            learner.delete()
        provenance = {
            "model": engine.model_in_words,
            "device": engine.device,
            "machine": engine.machine,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "source": "manage.py recordquizruns",
        }
        text = yaml.safe_dump(
            {"provenance": provenance, "reports": reports}, sort_keys=False
        )
        (BANK / RECORDED).write_text(HEAD + text, encoding="utf-8")
        self.stdout.write(f"Recorded {len(reports)} questions into {RECORDED}.")

    def _runs(
        self,
        question: Question,
        learner_id: str,
        engine: EngineStatus,
        options: dict[str, Any],
    ) -> list[dict[str, float]]:
        salt = secrets.token_hex(16)
        prompts = variant_of(question, 0).prompts().values()
        runs = []
        for prompt, run in zip(prompts, question.runs, strict=True):
            generation = Generation(
                [{"role": "user", "content": prompt}],
                run.max_tokens,
                ignore_eos=True,
                cache_salt=salt,
            )
            request_ids = [
                self._send(generation, learner_id) for _ in range(run.copies)
            ]
            reports = [self._wait(name, options["timeout"]) for name in request_ids]
            of_engine = {
                "block_size": engine.block_size or 0,
                "max_num_seqs": engine.max_concurrent_requests or 0,
            }
            numbers = of_run([numbers_of(report) | of_engine for report in reports])
            runs.append({name: numbers[name] for name in REPORT_NUMBERS})
            self.stdout.write(f"{question.name}: {runs[-1]}")
        return runs

    def _send(self, generation: Generation, learner_id: str) -> str:
        request_id = uuid.uuid4().hex
        RecordedRun.objects.create(request_id=request_id)
        client.submit(
            generation, learner_id=learner_id, purpose="quiz", request_id=request_id
        )
        return request_id

    def _wait(self, request_id: str, timeout_s: float) -> dict[str, Any]:
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            row = RecordedRun.objects.get(request_id=request_id)
            if row.report is not None:
                row.delete()
                if row.report["finish_reason"] not in ("stop", "length"):
                    raise CommandError(f"A run failed: {row.report['error']}")
                return dict(row.report)
            time.sleep(0.2)
        raise CommandError(f"No report came within {timeout_s:g} s.")
