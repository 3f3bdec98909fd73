"""How much a stranger may simulate: so many a minute, and few whole months at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from courseware.counting import count_this_minute

PREVIEWS_A_MINUTE = 240
MONTHS_A_MINUTE = 30
NUM_SLOTS = 2
"""Whole months that are simulated at once, of all learners together."""
SLOT_HELD_S = 60


class Exhausted(Exception):
    """The message is a sentence for the learner."""


def take(request: HttpRequest, what: str, most_a_minute: int) -> None:
    """Count one; raises Exhausted. Without its server nothing is counted."""
    learner_id = getattr(request, "learner_id", None)
    who = learner_id or request.META.get("REMOTE_ADDR", "")
    if count_this_minute(f"fleet:{what}", who) > most_a_minute:
        raise Exhausted(
            f"You have simulated {most_a_minute} times within a minute, which is the "
            "limit. Go on in a minute."
        )


@contextmanager
def slot() -> Iterator[bool]:
    """A turn to simulate a whole month; False where all are taken."""
    held = _first_free()
    try:
        yield held is not None
    finally:
        if held:
            cache.delete(held)


def _first_free() -> str | None:
    """Its key; "" where nobody counts because the cache is away."""
    try:
        for number in range(NUM_SLOTS):
            key = f"fleet:slot:{number}"
            if cache.add(key, 1, timeout=SLOT_HELD_S):
                return key
    except RedisError:
        return ""
    return None
