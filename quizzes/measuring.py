"""Measured questions: the prediction is kept, the engine runs, its report grades.

    begin()   OPEN → RUNNING, the first request is sent          (web)
    note()    a report comes: the next request, or the grade     (default worker)

Without an engine a recorded real run takes the report's place, and the answer says so.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from lab import client
from lab.errors import EngineError
from lab.messages import Generation, RequestReport
from quizzes.errors import Refused
from quizzes.form_fields import Submitted
from quizzes.grading import read_predictions
from quizzes.models import Answer, Measurement, RecordedRun
from quizzes.questions import REPORT_NUMBERS, RUN_NAMES
from quizzes.recorded import recorded

logger = logging.getLogger(__name__)

PURPOSE = "quiz"
NO_ENGINE = (
    "No engine is up, and no real run of this question has been recorded here. It "
    "does not count: go on, or try it again when an engine runs."
)


def begin(
    answer: Answer, submitted: Submitted, confidence: int | None, address: str
) -> str:
    """Take a prediction and start measuring; a sentence when it cannot be read.

    Raises Refused when the engine takes no request now; the prediction is not kept.
    """
    question = answer.question.authored()
    units = {ask.name: ask.unit for ask in question.asks}
    given = read_predictions(units, submitted)
    if isinstance(given, str):
        return given
    try:
        with transaction.atomic():
            changed = answer.advance(
                Answer.State.OPEN,
                state=Answer.State.RUNNING,
                submitted=given,
                confidence=confidence,
                answered_at=timezone.now(),
            )
            if not changed:
                return ""
            if client.ready_engine() is None:
                _replay(answer)
            else:
                _send(answer, 0, address)
    except EngineError as error:
        raise Refused(str(error)) from None
    except client.NOT_SENT as error:
        # Raised after the commit, when the task is sent: the prediction is kept.
        logger.warning("answer %s was not sent to an engine: %s", answer.pk, error)
        fail(answer, "The request could not be sent to the engine. Try it again.")
    return ""


def _send(answer: Answer, run: int, address: str = "") -> None:
    """Submit one run; raises EngineError."""
    name = RUN_NAMES[run]
    measurement = Measurement.objects.create(answer=answer, run=run)
    client.submit(
        Generation(
            messages=[{"role": "user", "content": answer.variant().prompts()[name]}],
            max_tokens=answer.question.authored().runs[run].max_tokens,
            ignore_eos=True,
            cache_salt=_salt(answer),
        ),
        learner_id=answer.attempt.learner_id,
        purpose=PURPOSE,
        request_id=measurement.request_id,
        address=address,
    )


def _salt(answer: Answer) -> str:
    """One for each try of each attempt: a retry must not meet its own blocks."""
    return f"{answer.attempt.cache_salt[:40]}-{answer.seed:x}"


def _replay(answer: Answer) -> None:
    """Answer with a recorded run; without one the answer fails, and says why."""
    found = recorded(answer.question.name)
    if found is None:
        fail(answer, NO_ENGINE)
        return
    runs, provenance = found
    for run, numbers in enumerate(runs):
        Measurement.objects.create(
            answer=answer, run=run, numbers=numbers, provenance=provenance
        )
    _settle(answer)


def note(report: RequestReport) -> None:
    """A request of ours has ended. Only its first report counts."""
    found = Measurement.objects.select_related("answer__attempt__quiz")
    measurement = found.filter(
        request_id=report.request_id, numbers__isnull=True
    ).first()
    if measurement is None:
        recording = RecordedRun.objects.filter(request_id=report.request_id)
        recording.update(report=asdict(report))
        return
    answer = measurement.answer
    if report.finish_reason not in ("stop", "length"):
        fail(answer, report.error or "The request was stopped before it had ended.")
        return
    numbers = {n: v for n, v in asdict(report).items() if n in REPORT_NUMBERS}
    host = client.status_of(report.engine_host_id)
    numbers["block_size"] = (host and host.block_size) or 0
    measurement.numbers = numbers
    measurement.engine_host_id = report.engine_host_id
    measurement.short_id = report.short_id
    measurement.provenance = {
        "model": host.model_in_words if host else "",
        "device": host.device if host else "",
        "date": timezone.now().isoformat(timespec="seconds"),
        "is_recorded": report.is_recorded,
        "is_exact": True,
    }
    measurement.save()
    if answer.state != Answer.State.RUNNING:
        return
    if measurement.run + 1 < len(answer.question.authored().runs):
        try:
            _send(answer, measurement.run + 1)
        except EngineError as error:
            fail(answer, str(error))
        return
    _settle(answer)


def reports_of(answer: Answer) -> dict[str, Mapping[str, int]]:
    """The numbers of the runs by name."""
    rows = answer.measurements.all()
    return {RUN_NAMES[row.run]: row.numbers for row in rows if row.numbers is not None}


def _settle(answer: Answer) -> None:
    found = answer.regrade(reports_of(answer))
    answer.settle(found, answer.confidence, Answer.State.RUNNING)


def fail(answer: Answer, sentence: str) -> None:
    """End a measurement without a grade; it does not count."""
    answer.advance(Answer.State.RUNNING, state=Answer.State.FAILED, error=sentence)


def give_up_overdue(answer: Answer) -> None:
    """Fail an answer whose report never came."""
    since = answer.answered_at
    if answer.state != Answer.State.RUNNING:
        return
    if since is not None and timezone.now() - since > client.OVERDUE:
        minutes = int(client.OVERDUE.total_seconds() // 60)
        fail(answer, f"No engine answered within {minutes} minutes. Try it again.")


def waiting_for(answer: Answer) -> str:
    """The request whose report comes next; "" if none is under way."""
    row = answer.measurements.filter(numbers__isnull=True).first()
    return row.request_id if row else ""


def is_waiting(answer: Answer, request_id: str) -> bool:
    """Whether a page that follows ``request_id`` is still right."""
    give_up_overdue(answer)
    is_running = answer.state == Answer.State.RUNNING
    return is_running and waiting_for(answer) == request_id


def summary_of(answer: Answer) -> dict[str, Any]:
    """Where the truth of a measured answer comes from."""
    last = answer.measurements.exclude(numbers__isnull=True).last()
    return dict(last.provenance) if last else {}
