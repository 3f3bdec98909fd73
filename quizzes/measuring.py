"""Measured questions: the prediction is kept, the engine runs, its report grades.

    begin()   OPEN → RUNNING, the first run's requests are sent        (web)
    note()    a run's last report comes: the next run, or the grade    (default worker)

Without an engine a recorded real run takes the report's place, and the answer says so.
"""

import logging
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from lab import client
from lab.errors import EngineError
from lab.messages import Generation, RequestReport
from quizzes.errors import BrokenQuestion, Refused
from quizzes.form_fields import Submitted
from quizzes.grading import read_predictions
from quizzes.models import Answer, Attempt, Measurement, RecordedRun
from quizzes.questions import RUN_NAMES
from quizzes.recorded import recorded
from quizzes.reports import Numbers, numbers_of, of_run

logger = logging.getLogger(__name__)

PURPOSE = "quiz"
NO_ENGINE = (
    "No engine is up, and no real run of this question has been recorded here. It "
    "does not count: go on, or try it again when an engine runs."
)
NOT_KNOWN = (
    "The engine did not report the times that this question is about. It does not "
    "count: try it again."
)
NOT_SENT = "The request could not be sent to the engine. Try it again."


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
        fail(answer, NOT_SENT)
    return ""


def _send(answer: Answer, number: int, address: str = "") -> None:
    """Submit one run's requests, all at once; raises EngineError."""
    variant = answer.variant()
    run = variant.question.runs[number]
    prompt = variant.prompts()[RUN_NAMES[number]]
    generation = Generation(
        messages=[{"role": "user", "content": prompt}],
        max_tokens=run.max_tokens,
        ignore_eos=True,
        cache_salt=_salt(answer),
    )
    for copy in range(run.copies):
        measurement = Measurement.objects.create(answer=answer, run=number, copy=copy)
        client.submit(
            generation,
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
    try:
        with transaction.atomic():
            # Two reports at once: the second sees what the first has kept.
            Attempt.objects.select_for_update().get(pk=answer.attempt_id)
            _keep(measurement, report)
            _go_on(answer, measurement.run)
    except IntegrityError:
        logger.warning("answer %s: two reports sent its next run", answer.pk)
    except EngineError as error:
        fail(answer, str(error))
    except client.NOT_SENT as error:
        logger.warning("answer %s was not sent to an engine: %s", answer.pk, error)
        fail(answer, NOT_SENT)


def _keep(measurement: Measurement, report: RequestReport) -> None:
    """Store a report's numbers and where they come from."""
    host = client.status_of(report.engine_host_id)
    numbers = numbers_of(asdict(report))
    numbers["block_size"] = (host and host.block_size) or 0
    if host and host.max_concurrent_requests:
        numbers["max_num_seqs"] = host.max_concurrent_requests
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


def _go_on(answer: Answer, run: int) -> None:
    """Send the next run, or grade after the last; nothing while a copy still runs."""
    answer.refresh_from_db()
    if answer.state != Answer.State.RUNNING:
        return
    if answer.measurements.filter(run=run, numbers__isnull=True).exists():
        return
    if run + 1 < len(answer.question.authored().runs):
        _send(answer, run + 1)
    else:
        _settle(answer)


def reports_of(answer: Answer) -> dict[str, Numbers]:
    """The numbers of the runs by name, each over its requests."""
    requests: dict[int, list[Numbers]] = defaultdict(list)
    for row in answer.measurements.all():
        if row.numbers is not None:
            requests[row.run].append(row.numbers)
    return {RUN_NAMES[run]: of_run(rows) for run, rows in requests.items()}


def _settle(answer: Answer) -> None:
    try:
        found = answer.regrade(reports_of(answer))
    except BrokenQuestion as error:
        logger.warning("answer %s cannot be graded: %s", answer.pk, error)
        fail(answer, NOT_KNOWN)
        return
    answer.settle(found, answer.confidence, Answer.State.RUNNING)


def fail(answer: Answer, sentence: str) -> None:
    """End a measurement without a grade; it does not count."""
    answer.advance(Answer.State.RUNNING, state=Answer.State.FAILED, error=sentence)


def give_up_overdue(answer: Answer) -> None:
    """Fail an answer whose report never came; what is under way the sweep ends."""
    since = answer.answered_at
    if answer.state != Answer.State.RUNNING or since is None:
        return
    is_old = timezone.now() - since > client.OVERDUE
    if is_old and not client.under_way([waiting_for(answer)]):
        minutes = int(client.OVERDUE.total_seconds() // 60)
        fail(answer, f"No engine answered within {minutes} minutes. Try it again.")


def give_up_lost() -> None:
    """Fail the answers whose next request is none: the broker went, or a process was
    killed, between one run and the next. Others end when theirs does."""
    running = Answer.objects.filter(state=Answer.State.RUNNING).order_by()
    next_ids = {answer.pk: waiting_for(answer) for answer in running}
    unsent = client.unknown(next_ids.values())
    for answer in running.filter(
        pk__in=[k for k, v in next_ids.items() if v in unsent]
    ):
        fail(answer, NOT_SENT)


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
