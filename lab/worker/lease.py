"""Who serves a message that may be delivered more than once.

A claim names the life (one run of one process) that took the message first. Each life
keeps a key in Redis that expires soon after it died; see lab.worker.publisher.
"""

import time
from typing import Literal

import redis

from lab.worker.publisher import LIFE_KEY_PREFIX, STATUS_EXPIRES_S

CLAIM_EXPIRES_S = 900
"""Far longer than a message can stay away: the broker's visibility_timeout."""
CLAIM_KEY_PREFIX = "lab:claim:"
HOST_KEY_PREFIX = "lab:host:"
"""The newest life of each engine host."""

Claimer = Literal["us", "the living", "the dead"]


class Claims:
    """What one life of an engine host has taken, or takes over from its last one."""

    def __init__(self, redis_url: str, engine_host_id: str, life: str) -> None:
        self._redis = redis.Redis.from_url(redis_url, decode_responses=True)
        self._host_key = HOST_KEY_PREFIX + engine_host_id
        self._life = life

    def claim(self, request_id: str) -> Claimer:
        """Claim a message for this life, or say who has it already."""
        key = CLAIM_KEY_PREFIX + request_id
        if self._redis.set(key, self._life, nx=True, ex=CLAIM_EXPIRES_S):
            return "us"
        claimer = self._redis.get(key)
        return "the living" if self._is_alive(claimer) else "the dead"

    def take_over(self) -> list[str]:
        """Request ids that the host's last life left behind, claimed by this one.

        Waits until that life is surely over. Among them are requests that ended well
        some minutes ago: to report those again does no harm.
        """
        last = self._redis.set(self._host_key, self._life, get=True)
        end = time.monotonic() + 2 * STATUS_EXPIRES_S
        while last and self._is_alive(last):
            if time.monotonic() > end:  # two workers with one ENGINE_HOST_ID
                return []
            time.sleep(0.5)
        return [] if not last else self._claims_of(last)

    def _claims_of(self, life: str) -> list[str]:
        left = []
        for key in self._redis.scan_iter(match=f"{CLAIM_KEY_PREFIX}*", count=500):
            if self._redis.get(key) == life:
                self._redis.set(key, self._life, keepttl=True)
                left.append(key.removeprefix(CLAIM_KEY_PREFIX))
        return left

    def _is_alive(self, life: str | None) -> bool:
        return life == self._life or bool(
            self._redis.exists(f"{LIFE_KEY_PREFIX}{life}")
        )
