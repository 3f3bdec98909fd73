"""How a request ends: once, in the database and in the app that asked for it."""

from django.db import transaction
from django.dispatch import Signal

from lab.messages import RequestReport
from lab.models import EngineRequest
from lab.receipts.custody import custody

request_finished = Signal()
"""Sent with ``report: RequestReport`` and ``purpose: str``, mostly by the default
worker."""


def finish(report: RequestReport) -> bool:
    """Keep how a request ended, and tell the app that asked for it: both or none, so
    that a report that comes again finds it undone. False where it came before."""
    with transaction.atomic():
        request = EngineRequest.finish(report)
        if request is not None:
            request_finished.send(
                sender=EngineRequest, report=report, purpose=request.purpose
            )
    return request is not None


def take_reports_in(learner_id: str) -> int:
    """End those of a learner's requests that an engine host has reported, where the
    default worker is away or behind; how many that were. Raises redis.RedisError."""
    going_on = EngineRequest.unfinished().filter(learner_id=learner_id)
    ids = list(going_on.values_list("request_id", flat=True))
    return sum(map(finish, custody().reports(ids).values()))
