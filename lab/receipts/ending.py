"""How a request ends: once, in the database and in the app that asked for it."""

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction
from django.dispatch import Signal

from lab.messages import RequestEvent, RequestReport, request_group
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


def end(report: RequestReport) -> None:
    """The same without an engine host that would tell it: who follows the request hears
    of it here, and its receipts go. Not from an event loop; raises redis.RedisError."""
    if finish(report):
        event = RequestEvent(
            report.request_id, report.engine_host_id, "finished", report=report
        )
        tell = async_to_sync(get_channel_layer().group_send)
        tell(request_group(report.request_id), event.message())
    custody().discard(report.request_id)


def take_reports_in(learner_id: str) -> int:
    """End those of a learner's requests that an engine host has reported, where the
    default worker is away or behind; how many that were. Raises redis.RedisError."""
    going_on = EngineRequest.unfinished().filter(learner_id=learner_id)
    ids = list(going_on.values_list("request_id", flat=True))
    return sum(map(finish, custody().reports(ids).values()))
