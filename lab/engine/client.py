"""What web code calls: submit, abort, status. Never imports vLLM or torch.

Commands travel to the engine hosts as Celery messages by task name; aborts and
keyframe requests as Celery control commands, which never queue behind work.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.dispatch import Signal

from lab.engine.errors import NotYours
from lab.engine.events import STATUS_KEY_PREFIX, EngineStatus, PhaseTiming

request_finished = Signal()
"""Sent by the default worker with ``report: RequestReport`` and ``purpose: str``."""


@dataclass(frozen=True)
class Generation:
    """What to generate. Limits are checked here and again in the engine host."""

    messages: list[dict[str, str]]
    """Chat messages, each {"role": "system"|"user"|"assistant", "content": …}."""
    max_tokens: int
    temperature: float = 0.0
    ignore_eos: bool = False
    """Generate exactly max_tokens (demonstrations)."""
    cache_salt: str | None = None
    """Separates prefix caching where another's traffic must not change the result."""


def submit(
    generation: Generation,
    *,
    learner_id: str,
    purpose: str,
    request_id: str | None = None,
    address: str = "",
    log_id: str | None = None,
) -> str:
    """Send one generation to an engine host; returns its request id (32 hex digits).

    ``purpose`` is a word such as "mentor" or "demo"; request_finished carries it.
    Join ``request_group(request_id)`` first to miss no event: pass a new
    ``uuid.uuid4().hex`` as ``request_id``. ``address`` is the learner's network
    address (address_of), counted and not kept. Raises LimitExceeded, and whatever the
    broker raises when it is away: nothing of the request is kept then.
    """
    from lab.models import EngineRequest

    request_id = request_id or uuid.uuid4().hex
    EngineRequest.accept(request_id, learner_id, purpose, generation, address)
    payload = {
        "request_id": request_id,
        "log_id": log_id or request_id,
        **{f.name: getattr(generation, f.name) for f in fields(generation)},
    }
    transaction.on_commit(lambda: _send(payload))
    return request_id


def _send(payload: dict[str, Any]) -> None:
    from lab.models import EngineRequest

    try:
        current_app.send_task(
            "lab.generate", kwargs={"payload": payload}, queue="engine"
        )
    except Exception:
        # Nobody will ever report it: it must not count as under way.
        EngineRequest.objects.filter(request_id=payload["request_id"]).delete()
        raise


def address_of(scope: Mapping[str, Any]) -> str:
    """Network address of the client of a socket, from its ASGI scope; "" if unknown.

    Behind a TLS proxy it is the last hop of X-Forwarded-For, which that proxy wrote;
    what stands before it anybody can make up.
    """
    if settings.BEHIND_TLS:
        values = [v for name, v in scope["headers"] if name == b"x-forwarded-for"]
        return values[-1].decode("latin-1").split(",")[-1].strip() if values else ""
    client = scope.get("client")
    return client[0] if client else ""


def owned(request_id: str, learner_id: str) -> str:
    """``request_id`` if ``learner_id`` owns it; raises NotYours otherwise."""
    from lab.models import EngineRequest

    if not EngineRequest.objects.filter(
        request_id=request_id, learner_id=learner_id
    ).exists():
        raise NotYours("This request is not yours, or no longer exists.")
    return request_id


def abort(request_id: str, learner_id: str) -> None:
    """Abort in whichever host has it; raises NotYours. Idempotent."""
    owned(request_id, learner_id)
    _command("lab_abort", request_id=request_id)


def request_keyframe() -> None:
    """Ask every engine host for a keyframe now (a viewer joined)."""
    _command("lab_keyframe")


def _command(name: str, **arguments: Any) -> None:
    """A Celery control command to all engine hosts: it never queues behind work."""
    current_app.control.broadcast(
        name, arguments=arguments, pattern="engine@*", matcher="glob"
    )


def record(engine_host_id: str, action: str, **arguments: Any) -> dict[str, Any] | None:
    """Tell the recorder of one host "start", "stop" or "state"; its reply, None when
    it does not answer within a second. See lab.recorder for both."""
    replies = current_app.control.broadcast(
        "lab_record",
        arguments={"engine_host_id": engine_host_id, "action": action, **arguments},
        pattern="engine@*",
        matcher="glob",
        reply=True,
        timeout=1.0,
    )
    answers = (answer for reply in replies or [] for answer in reply.values())
    return next((a for a in answers if a and a.get("state")), None)


def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, decode_responses=True)


def status() -> list[EngineStatus]:
    """The engine hosts whose heartbeat has not expired, ready ones first."""
    with _redis() as server:
        keys = sorted(server.scan_iter(match=f"{STATUS_KEY_PREFIX}*", count=100))
        texts = server.mget(keys) if keys else []
    statuses = [status_from_json(json.loads(text)) for text in texts if text]
    return sorted(statuses, key=lambda s: (s.state != "ready", s.engine_host_id))


def status_from_json(data: dict[str, Any]) -> EngineStatus:
    """EngineStatus from its JSON object; unknown fields are left out."""
    known = {f.name for f in fields(EngineStatus)}
    values = {name: value for name, value in data.items() if name in known}
    values["phases"] = [PhaseTiming(**phase) for phase in data.get("phases", [])]
    return EngineStatus(**values)
