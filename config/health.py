"""/healthz: this process answers. /readyz: what it needs answers too."""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from lab import client
from lab.messages import EngineStatus
from lab.receipts.custody import custody
from lab.receipts.parts import (
    DEFAULT_WORKER,
    Part,
    engine_part,
    processes,
    worker_part,
)

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 2.0
MOST_SAID = 300
"""Characters of an error in the log."""
NO_DATABASE = "The database is away, or does not answer."


@require_GET
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is there; nothing else is asked."""
    return HttpResponse("ok", content_type="text/plain; charset=utf-8")


@require_GET
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while the database or Redis is away.

    The engine is told apart: pages are served without one, so its state does not
    change the answer's code. ``heartbeat_age_s`` is the age of its last message.
    """
    database = _check(_ask_database)
    broker = _check(_ask_redis)
    statuses = client.statuses() if broker["ok"] else []
    engines = _engines(statuses)
    is_ready = database["ok"] and broker["ok"]
    report = {
        "ready": is_ready,
        "database": database,
        "redis": broker,
        "engine": engines[0]["state"] if engines else "absent",
        "engines": engines,
        "parts": [asdict(part) for part in _parts(database, broker, statuses)],
        "processes": processes(settings.DATA_DIR),
    }
    return JsonResponse(report, status=200 if is_ready else 503)


def _check(ask: Callable[[], None]) -> dict[str, Any]:
    """{"ok", "ms"} or {"ok", "error"}; the error names its class, no address."""
    began = time.monotonic()
    try:
        ask()
    except Exception as error:
        # Why a certificate or a password was not taken stands in the log alone.
        said = f"{type(error).__name__}: {error}"[:MOST_SAID]
        logger.warning("What this process needs does not answer: %s", said)
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "ms": round(1000 * (time.monotonic() - began), 1)}


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis() -> None:
    """Each server once, where broker, channel layer and cache have their own."""
    urls = (settings.REDIS_URL, settings.BROKER_URL, settings.LAYER_URL)
    for url in dict.fromkeys([*urls, settings.CACHE_URL]):
        with redis.Redis.from_url(
            url,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            socket_timeout=REDIS_TIMEOUT_S,
        ) as server:
            server.ping()


def _engines(statuses: list[EngineStatus]) -> list[dict[str, Any]]:
    now = time.time()
    return [
        {**asdict(status), "heartbeat_age_s": round(now - status.updated_at, 1)}
        for status in statuses
    ]


def _parts(
    database: dict[str, Any], broker: dict[str, Any], statuses: list[EngineStatus]
) -> list[Part]:
    """Every part by name; what only Redis knows of is unknown while it is away."""
    parts = [
        Part("web", "up"),
        Part("database", "up")
        if database["ok"]
        else Part("database", "away", sentence=NO_DATABASE),
        Part("broker", "up" if broker["ok"] else "away"),
    ]
    if not broker["ok"]:
        return [*parts, Part(DEFAULT_WORKER, "unknown")]
    worker = worker_part(custody().parts())
    return [*parts, worker, *map(engine_part, statuses)]
