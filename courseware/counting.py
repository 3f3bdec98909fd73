"""How often somebody did something lately: kept in the cache under a hash, so that no
learner id and no address is written down. While the cache is away each process counts
for itself: a limit is looser then, and not gone."""

import time
from typing import Any

from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

ALONE = LocMemCache("courseware.counting", {"OPTIONS": {"MAX_ENTRIES": 50_000}})
"""Of this process."""


def count_this_minute(what: str, who: str) -> int:
    """Count one more."""
    return count_within(what, who, 60)


def count_within(
    what: str, who: str, seconds: int, by: int = 1, *, alone: bool = True
) -> int:
    """How often it was since it began, at most ``seconds`` ago, this time included.
    ``by`` may be negative: it was none after all. Without ``alone`` it is 0 where all
    processes cannot count together."""
    key = _key("counted", what, who)
    try:
        return _count(cache, key, seconds, by)
    except (RedisError, ValueError):  # away, or expired between two calls
        return _count(ALONE, key, seconds, by) if alone else 0


def _count(kept: Any, key: str, seconds: int, by: int) -> int:
    try:
        return int(kept.incr(key, by))
    except ValueError:  # the first one, or the first for long
        kept.add(key, 0, timeout=seconds)
        return int(kept.incr(key, by))


def make_wait(what: str, who: str, seconds: int) -> None:
    """From now on so many seconds to wait."""
    key, until = _key("wait", what, who), time.time() + seconds
    try:
        cache.set(key, until, timeout=seconds)
    except RedisError:
        ALONE.set(key, until, timeout=seconds)


def seconds_to_wait(what: str, who: str) -> float:
    """0 where there is nothing to wait for."""
    key = _key("wait", what, who)
    try:
        until = cache.get(key)
    except RedisError:
        until = ALONE.get(key)
    return max(0.0, until - time.time()) if until else 0.0


def uncount(what: str, who: str) -> None:
    """It never was, and nobody waits for it."""
    keys = [_key("counted", what, who), _key("wait", what, who)]
    ALONE.delete_many(keys)
    try:
        cache.delete_many(keys)
    except RedisError:
        return


def _key(kind: str, what: str, who: str) -> str:
    hashed = salted_hmac(f"counted.{what}", who, algorithm="sha256").hexdigest()
    return f"{kind}:{what}:{hashed}"
