"""The way to the engine hosts and back: Celery for commands, Redis for heartbeats.

All that lab.client sends and asks goes through one Transport, the one place that tests
replace.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from celery import current_app
from django.conf import settings

from courseware.redis_connections import server_at
from lab.messages import (
    ENGINE_QUEUE,
    METRICS_KEY_PREFIX,
    STATUS_KEY_PREFIX,
    EngineStatus,
)
from lab.receipts.custody import custody
from lab.recordings.still import SHIPPED, StillEngine

GENERATE = "lab.generate"
"""The task of one generation."""


class Transport(Protocol):
    """The way to the engine hosts and back."""

    def send(
        self,
        task: str,
        arguments: dict[str, Any],
        priority: int,
        queue: str = ENGINE_QUEUE,
    ) -> None:
        """Queue a task for one of the engine hosts, or for the one of that queue; a
        smaller priority goes first."""

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        """Tell every engine host, past the queue."""

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        """Tell every engine host, and gather what they reply within that time, or
        until ``num_replies`` hosts did."""

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        """The heartbeats that have not expired, in any order; may be of a look up to
        ``max_age_s`` ago."""

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """Metric families by engine host, of those that told them lately."""


class BrokerTransport:
    """Celery for commands, Redis for heartbeats."""

    def __init__(self) -> None:
        self._seen_at = float("-inf")
        self._seen: list[EngineStatus] = []

    def send(
        self,
        task: str,
        arguments: dict[str, Any],
        priority: int,
        queue: str = ENGINE_QUEUE,
    ) -> None:
        """By the task's name: the engine's code is not here."""
        receipts = custody()
        if not (task == GENERATE and receipts.is_broker):  # else the receipt asks it
            receipts.ask_broker()
        if task == GENERATE:
            receipts.keep_sent(arguments["payload"], queue)
        current_app.send_task(task, kwargs=arguments, queue=queue, priority=priority)

    def command(self, name: str, arguments: dict[str, Any]) -> None:
        """As a Celery control command."""
        self._broadcast(name, arguments)

    def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        num_replies: int | None = None,
        within_s: float = 1.0,
    ) -> list[dict[str, Any]]:
        """As a Celery control command with replies."""
        replies = self._broadcast(
            name, arguments, reply=True, timeout=within_s, limit=num_replies
        )
        return [
            answer for reply in replies or [] for answer in reply.values() if answer
        ]

    def _broadcast(self, name: str, arguments: dict[str, Any], **options: Any) -> Any:
        custody().ask_broker()
        return current_app.control.broadcast(
            name, arguments=arguments, pattern="engine@*", matcher="glob", **options
        )

    def statuses(self, max_age_s: float = 0.0) -> list[EngineStatus]:
        """Kept by the engine hosts under STATUS_KEY_PREFIX."""
        now = time.monotonic()
        if now - self._seen_at > max_age_s:
            self._seen, self._seen_at = self._read(), now
        return self._seen

    def _read(self) -> list[EngineStatus]:
        found = _values(STATUS_KEY_PREFIX)
        return [EngineStatus.from_json(status) for status in found.values()]

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """Kept by the engine hosts under METRICS_KEY_PREFIX."""
        return _values(METRICS_KEY_PREFIX)


def _values(prefix: str) -> dict[str, Any]:
    """JSON that engine hosts keep in Redis, by the host's id."""
    with server_at(settings.REDIS_URL) as server:
        keys = sorted(server.scan_iter(match=f"{prefix}*", count=100))
        texts = server.mget(keys) if keys else []
    return {
        key.removeprefix(prefix): json.loads(text)
        for key, text in zip(keys, texts, strict=True)
        if text
    }


_transport: Transport = BrokerTransport()


@contextmanager
def transport(other: Transport) -> Iterator[None]:
    """Send all commands another way, for as long as the context lasts (tests)."""
    global _transport
    before, _transport = _transport, other
    try:
        yield
    finally:
        _transport = before


@contextmanager
def recorded(path: Path | None = None, step: int | None = None) -> Iterator[str]:
    """Look at a recording stopped at a step in the place of live engines, for as long
    as the context lasts (evaluations); gives what it is in words. The shipped one by
    default; raises RecordingError."""
    engine = StillEngine(path or SHIPPED, step)
    with transport(engine):
        yield engine.label


def way() -> Transport:
    """The one that all commands go by now."""
    return _transport
