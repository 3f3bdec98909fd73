"""How often somebody did something lately: kept in the cache under a hash, so that no
learner id and no address is written down."""

import time

from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError


def count_this_minute(what: str, who: str) -> int:
    """Count one more; 0 where nothing can be counted because the cache is away."""
    return count_within(what, who, 60)


def count_within(what: str, who: str, seconds: int, by: int = 1) -> int:
    """How often it was since it began, at most ``seconds`` ago, this time included; 0
    where nothing can be counted. ``by`` may be negative: it was none after all."""
    key = _key("counted", what, who)
    try:
        try:
            return int(cache.incr(key, by))
        except ValueError:  # the first one, or the first for long
            cache.add(key, 0, timeout=seconds)
            return int(cache.incr(key, by))
    except (RedisError, ValueError):  # away, or expired between the two calls
        return 0


def make_wait(what: str, who: str, seconds: int) -> None:
    """From now on so many seconds to wait."""
    try:
        cache.set(_key("wait", what, who), time.time() + seconds, timeout=seconds)
    except RedisError:
        return


def seconds_to_wait(what: str, who: str) -> float:
    """0 where there is nothing to wait for, or nobody knows."""
    try:
        until = cache.get(_key("wait", what, who))
    except RedisError:
        return 0.0
    return max(0.0, until - time.time()) if until else 0.0


def uncount(what: str, who: str) -> None:
    """It never was, and nobody waits for it."""
    try:
        cache.delete_many([_key("counted", what, who), _key("wait", what, who)])
    except RedisError:
        return


def _key(kind: str, what: str, who: str) -> str:
    return f"{kind}:{what}:{salted_hmac(f'counted.{what}', who).hexdigest()}"
