"""What web code calls: submit, abort, statuses. Never imports vLLM or torch.

Commands travel to the engine hosts as Celery messages by task name; aborts and
keyframe requests as Celery control commands, which never queue behind work. All of it
goes through one Transport (lab.receipts.transport), the one place that tests replace.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
from django.db import transaction
from django.dispatch import Signal
from kombu.exceptions import OperationalError as BrokerError

from lab.errors import EngineError, EngineUnavailable, LimitExceeded, NotYours
from lab.live_state import LiveState, Told
from lab.messages import (
    DEMONSTRATIONS_LAST,
    ENGINE_QUEUE,
    EngineStatus,
    Generation,
    RequestReport,
    priority_of,
    queue_of,
)
from lab.models import FORGOTTEN_AFTER, EngineRequest
from lab.receipts.custody import custody
from lab.receipts.ending import end, take_reports_in
from lab.receipts.ending import request_finished as request_finished
from lab.receipts.transport import GENERATE, way
from lab.receipts.transport import BrokerTransport as BrokerTransport
from lab.receipts.transport import Transport as Transport
from lab.receipts.transport import recorded as recorded
from lab.receipts.transport import transport as transport

logger = logging.getLogger(__name__)

OVERDUE: timedelta = FORGOTTEN_AFTER
"""A request without a report for so long has lost its engine host."""
NO_BROKER = "The engine cannot be reached: the message broker does not answer."
MAX_OWN = 100
"""Of a learner's requests the newest that look() tells apart from all others."""
KEEP_S = 2.0
"""How long a heartbeat is taken for true before it is read again."""
KEEP_WITHIN_S = 8.0
"""How long a host may take to lay down a minute of steps: seconds on a busy machine."""
NOT_SENT: tuple[type[Exception], ...] = (
    BrokerError,
    ConnectionError,
    redis.RedisError,
)
"""What submit() and abort() raise when the broker is away."""
_NOT_ABORTED: tuple[type[Exception], ...] = (EngineError, *NOT_SENT)

swept = Signal()
"""Sent every few seconds by the default worker: time to look for what was lost."""
NOBODY_ANSWERED = (
    f"No engine answered within {OVERDUE.total_seconds() / 60:.0f} minutes. Ask again."
)


# Requests


def submit(
    generation: Generation,
    *,
    learner_id: str,
    purpose: str,
    request_id: str | None = None,
    address: str = "",
    log_id: str | None = None,
    engine_host_id: str | None = None,
) -> str:
    """Send one generation to an engine host; returns its request id (32 hex digits).
    It goes to any main engine, or to the engine host of this id.

    ``purpose`` is a word such as "mentor" or "demo"; request_finished carries it.
    Join ``request_group(request_id)`` first to miss no event: pass a new
    ``uuid.uuid4().hex`` as ``request_id``. ``address`` is the learner's network
    address, counted and not kept. ``engine_host_id`` names the one host that is to
    serve it; without, any may. Raises LimitExceeded, and NOT_SENT when the broker
    is away: nothing of the request is kept then.
    """
    request_id = request_id or uuid.uuid4().hex
    accepted = request_id, learner_id, purpose, generation, address
    try:
        request = EngineRequest.accept(*accepted)
    except LimitExceeded:
        if not _have_ended(learner_id):
            raise
        request = EngineRequest.accept(*accepted)
    payload = {
        "request_id": request_id,
        "log_id": log_id or request_id,
        "priority": priority_of(purpose, generation.steps_back),
        "round": request.round,
        **asdict(generation),
    }
    engine_host_id = engine_host_id or _only_elsewhere()
    queue = ENGINE_QUEUE if engine_host_id is None else queue_of(engine_host_id)
    transaction.on_commit(lambda: _send(payload, queue))
    return request_id


def _only_elsewhere() -> str | None:
    """The host of somebody else's engine, where all are such: it answers, or refuses in
    words. None of them serves the common queue."""
    try:
        known = recent_statuses()
    except EngineUnavailable:
        return None
    is_only = known and all(s.reads_only or s.by_address for s in known)
    return known[0].engine_host_id if is_only else None


def _have_ended(learner_id: str) -> bool:
    """Whether some that counted as under way have ended, now known here too: nobody is
    refused because the worker that would have said so is away."""
    try:
        return take_reports_in(learner_id) > 0
    except redis.RedisError:
        return False


def _send(payload: dict[str, Any], queue: str) -> None:
    try:
        send_again(payload, queue)
    except Exception:
        # Nobody will ever report it: it must not count as under way.
        EngineRequest.objects.filter(request_id=payload["request_id"]).delete()
        raise


def send_again(payload: dict[str, Any], queue: str) -> None:
    """A generation's message, also one that got lost: a host serves an id once."""
    way().send(GENERATE, {"payload": payload}, payload["priority"], queue)


def unknown(request_ids: Iterable[str]) -> set[str]:
    """Those that no request is kept of: they were never sent, or are deleted."""
    asked = set(request_ids)
    known = EngineRequest.objects.filter(request_id__in=asked)
    return asked - set(known.values_list("request_id", flat=True))


def under_way(request_ids: Iterable[str]) -> set[str]:
    """Those without an end yet: a host, or the sweep, ends each."""
    rows = EngineRequest.objects.filter(request_id__in=set(request_ids))
    return set(rows.filter(finish_reason="").values_list("request_id", flat=True))


def ended(request_ids: Iterable[str]) -> dict[str, RequestReport]:
    """How those ended that have, by id: numbers, without text and error."""
    rows = EngineRequest.objects.filter(request_id__in=set(request_ids))
    return {
        row.request_id: RequestReport.from_json(row.report)
        for row in rows.exclude(finish_reason="")
    }


def send_task(task: str, arguments: dict[str, Any]) -> None:
    """Queue another task than a generation for a main engine host; where there are
    hosts of somebody else's engines alone, for one of these."""
    host = _only_elsewhere()
    queue = ENGINE_QUEUE if host is None else queue_of(host)
    way().send(task, arguments, DEMONSTRATIONS_LAST, queue)


def has_host() -> bool:
    """Whether a main engine host answers, of whosever engine."""
    try:
        return any(not status.beside for status in statuses())
    except EngineUnavailable:
        return False


def owned(request_id: str, learner_id: str) -> str:
    """``request_id`` if ``learner_id`` owns it; raises NotYours otherwise."""
    if not EngineRequest.objects.filter(
        request_id=request_id, learner_id=learner_id
    ).exists():
        raise NotYours("This request is not yours, or no longer exists.")
    return request_id


def abort(request_id: str, learner_id: str) -> None:
    """Abort in whichever host has it; what still waits for one ends here. Raises
    NotYours and NOT_SENT. Idempotent; not from an event loop."""
    owned(request_id, learner_id)
    if custody().take_back(request_id):
        end(RequestReport(request_id, "", "aborted"))
    else:
        way().command("lab_abort", {"request_id": request_id})


def abandon(request_ids: Iterable[str], learner_id: str) -> None:
    """Abort what nobody waits for any more, as far as it can be told: deleting must
    work all the same, and what is not aborted the engine ends by itself."""
    for request_id in request_ids:
        try:
            abort(request_id, learner_id)
        except _NOT_ABORTED as error:
            logger.warning("request %s was not aborted: %s", request_id, error)


# Engine hosts


def request_keyframe() -> None:
    """Ask every engine host for a keyframe now (a viewer joined)."""
    way().command("lab_keyframe", {})


def restart(engine_host_id: str, why: str = "") -> None:
    """Have one host end its engine and start it again; what it has under way ends
    "interrupted" with the sentence ``why``. Raises NOT_SENT."""
    way().command("lab_restart", {"engine_host_id": engine_host_id, "why": why})


def nap(engine_host_id: str, level: int) -> None:
    """Have the engine of one host sleep at a level of vLLM's, 1 or 2, and wake again;
    its status tells how it went (``naps``). Raises NOT_SENT."""
    way().command("lab_nap", {"engine_host_id": engine_host_id, "level": level})


def clear_queue() -> None:
    """End all requests that wait for their first step, in hosts and in the broker;
    raises NOT_SENT."""
    known = EngineRequest.unfinished().values_list("request_id", flat=True)
    way().command("lab_clear", {"request_ids": list(known)})


def reset_prefix_cache(engine_host_id: str) -> bool | None:
    """Whether vLLM emptied the prefix cache of a host: it refuses while blocks are in
    use; None where the host does not answer within a second. Raises NOT_SENT."""
    answers = way().ask("lab_reset_cache", {"engine_host_id": engine_host_id})
    return next((one["is_reset"] for one in answers if "is_reset" in one), None)


def record(engine_host_id: str, action: str, **arguments: Any) -> dict[str, Any] | None:
    """Tell the recorder of one host "start", "stop" or "state"; its reply, None when
    it does not answer within a second. See lab.recordings.recorder for both."""
    answers = way().ask(
        "lab_record", {"engine_host_id": engine_host_id, "action": action, **arguments}
    )
    return next((answer for answer in answers if answer.get("state")), None)


def keep(engine_host_id: str, action: str, recording_id: str) -> dict[str, Any] | None:
    """Tell one host to "start" or "stop" a learner's recording, or to keep the minute
    before as one ("last"); its reply as of record(), None without one in KEEP_WITHIN_S.
    The file comes by the task lab.keep_recording when it has ended."""
    arguments = {
        "engine_host_id": engine_host_id,
        "action": action,
        "recording_id": recording_id,
    }
    known = len(recent_statuses()) or None
    answers = way().ask("lab_keep", arguments, known, KEEP_WITHIN_S)
    return next((answer for answer in answers if answer.get("state")), None)


def drop_recording(engine_host_id: str, recording_id: str) -> None:
    """A host that was silent may begin it all the same, when it goes on: end it then.
    Raises NOT_SENT."""
    arguments = {
        "engine_host_id": engine_host_id,
        "action": "stop",
        "recording_id": recording_id,
    }
    way().command("lab_keep", arguments)


def name_address(
    engine_host_id: str, action: str, address: str = ""
) -> dict[str, Any] | None:
    """The "state" of the address that one host asks; "test" another, "use" it from now
    on, or "drop" it for the setting's. See AddressedHost.name_address() for the reply;
    None when that host does not answer within a second. Raises NOT_SENT."""
    arguments = {"engine_host_id": engine_host_id, "action": action, "address": address}
    answers = way().ask("lab_address", arguments)
    return next((answer for answer in answers if "sentence" in answer), None)


def count_tokens(
    engine_host_id: str, chats: list[list[dict[str, str]]]
) -> dict[str, list[int]] | None:
    """``num_tokens`` of each chat, and ``num_common``: those that it has in common with
    the first one from the beginning on, as that host's tokenizer and template have it;
    None when it does not answer within a second."""
    answers = way().ask(
        "lab_tokens", {"engine_host_id": engine_host_id, "chats": chats}
    )
    return next((answer for answer in answers if "num_tokens" in answer), None)


def look(
    learner_id: str, engine_host_id: str, block_id: int | None = None
) -> LiveState | None:
    """What the trace of one host says now, the learner's requests among it; None when
    it does not say so within a second.

    Asked of the host, which alone has applied every StepTrace; raises
    EngineUnavailable when the broker does not answer. ``block_id`` is a block to tell
    more of.
    """
    known = recent_statuses()
    arguments = _own(learner_id, engine_host_id, known) | {"block_id": block_id}
    try:
        answers = way().ask("lab_look", arguments, num_replies=len(known) or None)
    except NOT_SENT as error:
        raise EngineUnavailable(NO_BROKER) from error
    return next((LiveState.from_json(answer) for answer in answers), None)


def why(learner_id: str, engine_host_id: str, short_id: int) -> Told | None:
    """look(), and of a request of the learner's own its words; None and raises as it
    does. Of another's request there is no word."""
    known = recent_statuses()
    arguments = _own(learner_id, engine_host_id, known) | {"short_id": short_id}
    try:
        answers = way().ask("lab_why", arguments, num_replies=len(known) or None)
    except NOT_SENT as error:
        raise EngineUnavailable(NO_BROKER) from error
    return next((Told.from_json(answer) for answer in answers), None)


def show(engine_host_id: str, what: str, since: int = 0) -> dict[str, Any] | None:
    """The "timeline" of a host's last minute, or the "heat" of its cached blocks, of
    those that changed from step ``since`` on; None and raises as look() does."""
    arguments = {"engine_host_id": engine_host_id, "what": what, "since": since}
    try:
        known = recent_statuses()
        answers = way().ask("lab_show", arguments, num_replies=len(known) or None)
    except NOT_SENT as error:
        raise EngineUnavailable(NO_BROKER) from error
    return next((answer for answer in answers if answer.get("type") == what), None)


def _own(
    learner_id: str, engine_host_id: str, known: Sequence[EngineStatus]
) -> dict[str, Any]:
    """What is known of a learner's requests on a host, since its engine started."""
    status = next((s for s in known if s.engine_host_id == engine_host_id), None)
    since = datetime.fromtimestamp((status and status.started_at) or 0.0, tz=UTC)
    mine = EngineRequest.objects.filter(learner_id=learner_id, created_at__gt=since)
    rows = mine.order_by("-created_at")[:MAX_OWN]
    ended = [r.report for r in rows if r.report.get("engine_host_id") == engine_host_id]
    return {
        "engine_host_id": engine_host_id,
        "request_ids": [row.request_id for row in rows if not row.finish_reason],
        "short_ids": [one["short_id"] for one in ended if one.get("short_id")],
    }


def last_report(learner_id: str) -> RequestReport | None:
    """How the learner's last request ended that is known to have ended; no text."""
    mine = EngineRequest.objects.filter(learner_id=learner_id).exclude(report={})
    row = mine.order_by("-created_at").first()
    return RequestReport.from_json(row.report) if row else None


def statuses(max_age_s: float = 0.0) -> list[EngineStatus]:
    """The engine hosts whose heartbeat has not expired, ready ones first, as seen up
    to ``max_age_s`` ago; raises EngineUnavailable when the broker does not answer."""
    try:
        known = way().statuses(max_age_s)
    except redis.RedisError as error:
        raise EngineUnavailable(NO_BROKER) from error
    return sorted(known, key=EngineStatus.rank)


def recent_statuses() -> list[EngineStatus]:
    """statuses(), read at most every KEEP_S; raises EngineUnavailable."""
    return statuses(KEEP_S)


def metrics() -> dict[str, list[dict[str, Any]]]:
    """Metric families of each engine host (lab.worker.metrics.Family), by its id;
    raises EngineUnavailable when the broker does not answer."""
    try:
        return way().metrics()
    except redis.RedisError as error:
        raise EngineUnavailable(NO_BROKER) from error


def ready_engine() -> EngineStatus | None:
    """A main engine that takes requests at once; None when none does."""
    try:
        known = statuses()
    except EngineUnavailable:
        return None
    ready = (s for s in known if s.takes_requests and not s.beside)
    return next(ready, None)


def status_of(engine_host_id: str) -> EngineStatus | None:
    """What is known of one host, recently; None when nothing is."""
    try:
        known = recent_statuses()
    except EngineUnavailable:
        return None
    return next((s for s in known if s.engine_host_id == engine_host_id), None)
