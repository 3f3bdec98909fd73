"""Beat, of which several may run: each default worker may bring one (-B), or they stand
apart (``celery -A config beat``). One of them sends.

All keep the same time, give or take a moment; a lock in Redis says whose messages go
out. A beat that takes over has counted along, and what the one before has just sent it
does not send again: Redis remembers each message for half the time to its next.
"""

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from celery.beat import PersistentScheduler
from django.conf import settings
from redis.exceptions import RedisError

from courseware.redis_connections import server_at

logger = logging.getLogger(__name__)

KEY = "lab:beat"
TURN_S = 15
"""Longer than between two messages of the schedule; who died is followed after it."""
AT_A_TIME_S = 60.0
"""What is sent at a time of day is not sent again within half of this."""
_KEEP = """
local holder = redis.call('get', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""
_GIVE_BACK = """
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
"""


class OneOfSeveral(PersistentScheduler):  # type: ignore[misc]
    """Celery's own, whose due messages go out where it has the turn."""

    turn_s = TURN_S

    def __init__(self, *args: Any, **more: Any) -> None:
        self._name = uuid.uuid4().hex
        self._redis = server_at(settings.REDIS_URL)
        super().__init__(*args, **more)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send what is due, or leave it to the beat that does."""
        if self._has_turn() and self._is_first(entry):
            super().apply_entry(entry, producer)

    def close(self) -> None:
        """The next may take over at once."""
        with suppress(RedisError):
            self._redis.eval(_GIVE_BACK, 1, KEY, self._name)
        super().close()

    def _has_turn(self) -> bool:
        return self._asked(
            lambda: self._redis.eval(_KEEP, 1, KEY, self._name, self.turn_s)
        )

    def _is_first(self, entry: Any) -> bool:
        """Whether no other has sent it just now."""
        every = getattr(entry.schedule, "run_every", None)
        every_s = every.total_seconds() if every else AT_A_TIME_S
        name, half_ms = f"{KEY}:{entry.name}", int(1000 * every_s / 2)
        return self._asked(lambda: self._redis.set(name, 1, nx=True, px=half_ms))

    def _asked(self, ask: Callable[[], Any]) -> bool:
        try:
            return bool(ask())
        except RedisError as error:  # nothing could be sent either
            logger.warning("beat cannot ask whose turn it is: %s", error)
            return False
