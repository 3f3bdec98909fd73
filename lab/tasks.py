"""Celery tasks: shells. lab.generate runs in engine workers, the rest in default."""

import base64
import contextlib
from typing import Any

from celery import shared_task
from django.db import OperationalError
from redis import RedisError

from lab.messages import RequestReport
from lab.receipts.custody import custody
from lab.receipts.ending import finish
from lab.receipts.parts import DEFAULT_WORKER
from lab.shelf import files
from lab.sweeping.held import HeldSweep
from lab.sweeping.requests import Sweep

SWEEP_LOST_S = 30
"""A sweep that has not ended by then was killed."""


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


@shared_task(name="lab.rehearsal", ignore_result=True, acks_late=True)
def rehearsal(payload: dict[str, Any]) -> None:
    """Go through one ticket's recording again under other settings, to its end."""
    from lab.worker import bootstep

    bootstep.run_rehearsal(payload)


@shared_task(
    name="lab.finish_request",
    ignore_result=True,
    autoretry_for=(OperationalError,),  # a database that is locked or away
    retry_backoff=2,
    max_retries=8,
)
def finish_request(report: dict[str, Any]) -> None:
    """Keep how a request ended; a message that comes again finds it undone."""
    ended = RequestReport.from_json(report)
    finish(ended)
    with contextlib.suppress(RedisError):  # it expires
        custody().discard(ended.request_id)


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


@shared_task(name="lab.sweep", ignore_result=True)
def sweep() -> None:
    """Find what is nobody's, and say that this worker is there; where several default
    workers are, one at a time, so that nothing is sent again twice."""
    receipts = custody()
    receipts.note_part(DEFAULT_WORKER)
    with receipts.only_one("sweep", SWEEP_LOST_S) as is_mine:
        if is_mine:
            Sweep(receipts).run()
            HeldSweep(receipts).run()
