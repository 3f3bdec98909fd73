"""Celery tasks: shells. lab.generate runs in engine workers, the rest in default."""

import base64
from typing import Any

from celery import shared_task
from django.db import OperationalError, transaction

from lab import client
from lab.messages import RequestReport
from lab.models import EngineRequest
from lab.shelf import files


@shared_task(name="lab.generate", ignore_result=True, acks_late=True)
def generate(payload: dict[str, Any]) -> None:
    """Serve one generation; holds its message until the request has ended."""
    from lab.worker import bootstep

    bootstep.serve(payload)


@shared_task(name="lab.second_engine", ignore_result=True, acks_late=True)
def second_engine(payload: dict[str, Any]) -> None:
    """Run one ticket's second engine; holds its message until that has ended."""
    from lab.worker import bootstep

    bootstep.run_second(payload)


@shared_task(name="lab.plain_transformers", ignore_result=True, acks_late=True)
def plain_transformers(payload: dict[str, Any]) -> None:
    """Run one ticket's prompts through plain Transformers, to their end."""
    from lab.worker import bootstep

    bootstep.run_rival(payload)


@shared_task(
    name="lab.finish_request",
    ignore_result=True,
    autoretry_for=(OperationalError,),  # a database that is locked or away
    retry_backoff=2,
    max_retries=8,
)
def finish_request(report: dict[str, Any]) -> None:
    """Keep how a request ended, and tell the app that asked for it: both or none, so
    that a message that comes again finds it undone."""
    ended = RequestReport.from_json(report)
    with transaction.atomic():
        request = EngineRequest.finish(ended)
        if request is not None:
            client.request_finished.send(
                sender=EngineRequest, report=ended, purpose=request.purpose
            )


@shared_task(
    name="lab.keep_recording",
    ignore_result=True,
    autoretry_for=(OperationalError, OSError),  # database or storage is away
    retry_backoff=2,
    max_retries=8,
)
def keep_recording(recording_id: str, file: str, sentence: str) -> None:
    """Keep what an engine host recorded for a learner, or why there is nothing."""
    files.arrived(recording_id, base64.b64decode(file), sentence)
