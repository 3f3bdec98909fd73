"""Requests as they reach an engine host: messages that may be delivered more than once.

A lease names the life (one run of one process) that took the message first. Each life
keeps a key in Redis that expires soon after it died; see lab.worker.publisher.
"""

import logging
import time
from typing import Any, Literal

import redis

from courseware.redis_connections import server_at
from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.engine.in_flight import INTERRUPTED
from lab.messages import FinishReason, RequestEvent, RequestReport
from lab.receipts.custody import LEASE_KEY_PREFIX, LIFE_KEY_PREFIX, UNENDED_S
from lab.worker.publisher import STATUS_EXPIRES_S

logger = logging.getLogger(__name__)

BACK_WITHIN_S = 6.0
"""Redis's clock was set forward and a living host's key has expired: the next status,
five seconds later at most, brings it back."""
LIVES_KEY_PREFIX = "lab:lives:"
"""The lives of each engine host that nobody has taken over from."""

Holder = Literal["us", "the living", "the dead"]


class Leases:
    """What one life of an engine host has taken, or takes over from its last one."""

    def __init__(self, redis_url: str, engine_host_id: str, life: str) -> None:
        self._redis = server_at(redis_url)
        self._lives_key = LIVES_KEY_PREFIX + engine_host_id
        self._life = life

    def take(self, request_id: str) -> Holder:
        """Lease a message to this life, or say who has it already."""
        key = LEASE_KEY_PREFIX + request_id
        if self._redis.set(key, self._life, nx=True, ex=UNENDED_S):
            return "us"
        holder, end = self._redis.get(key), time.monotonic() + BACK_WITHIN_S
        while not self._is_alive(holder):
            if time.monotonic() > end:
                return "the dead"
            time.sleep(0.5)
        return "the living"

    def take_over(self) -> list[str]:
        """Request ids that the host's earlier lives left, now leased to this one.

        Waits until each is surely over: of one that died while it waited itself, what
        the one before had left is still to be taken. Among them are requests that ended
        well some minutes ago: to report those again does no harm.
        """
        self._redis.sadd(self._lives_key, self._life)
        left: list[str] = []
        end = time.monotonic() + 2 * STATUS_EXPIRES_S
        for earlier in self._redis.smembers(self._lives_key) - {self._life}:
            while self._is_alive(earlier):
                if time.monotonic() > end:  # two workers with one ENGINE_HOST_ID
                    return left
                time.sleep(0.5)
            left += self._take_all_of(earlier)
            self._redis.srem(self._lives_key, earlier)
        return left

    def _take_all_of(self, life: str) -> list[str]:
        left = []
        for key in self._redis.scan_iter(match=f"{LEASE_KEY_PREFIX}*", count=500):
            if self._redis.get(key) == life:
                self._redis.set(key, self._life, keepttl=True)
                left.append(key.removeprefix(LEASE_KEY_PREFIX))
        return left

    def _is_alive(self, life: str | None) -> bool:
        return life == self._life or bool(
            self._redis.exists(f"{LIFE_KEY_PREFIX}{life}")
        )


class RequestIntake:
    """Takes messages for one engine host; called from Celery's threads."""

    def __init__(self, host: EngineHost, leases: Leases) -> None:
        self._host = host
        self._leases = leases

    def serve(self, payload: dict[str, Any]) -> None:
        """Serve one message to its end, once.

        It comes again when its host died: then it ends "interrupted". It also comes
        again when a living host lost its connection to the broker for a moment: that
        one serves it on, and nothing is said here.
        """
        try:
            request = GenerationRequest.from_payload(payload)
        except ValueError as error:
            self._refuse(str(payload.get("request_id", ""))[:64], "error", str(error))
            return
        holder = self._leases.take(request.request_id)
        if holder == "the dead":
            self._refuse(request.request_id, "interrupted", INTERRUPTED)
        if holder == "us":
            self._host.submit(request).result()

    def refuse_orphans(self) -> None:
        """What the last life of this host had under way ended with it; the broker
        would deliver it again only after its visibility_timeout."""
        try:
            for request_id in self._leases.take_over():
                self._refuse(request_id, "interrupted", INTERRUPTED)
        except redis.RedisError as error:
            logger.warning("The last life's requests were not told: %s", error)

    def _refuse(self, request_id: str, reason: FinishReason, sentence: str) -> None:
        report = RequestReport(
            request_id=request_id,
            engine_host_id=self._host.config.engine_host_id,
            finish_reason=reason,
            error=sentence,
        )
        event = RequestEvent(
            request_id=request_id,
            engine_host_id=self._host.config.engine_host_id,
            phase="finished",
            report=report,
        )
        listener, loop = self._host.listener, self._host.loop
        loop.call_soon_threadsafe(listener.on_request_event, event)
        loop.call_soon_threadsafe(listener.on_report, report)
