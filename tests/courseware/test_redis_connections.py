"""What one call learns of a silent server spares all others the wait."""

import pytest
import redis

from courseware.redis_connections import TIMEOUT_S
from courseware.silence import REST_S, Silence


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_one_waited_in_vain_one_at_a_time_tries() -> None:
    clock = Clock()
    silence = Silence(redis.TimeoutError, TIMEOUT_S, clock)
    silence.check("a")
    silence.begin()
    with pytest.raises(redis.TimeoutError):
        silence.check("b")
    clock.now += REST_S
    silence.check("b")
    silence.check("b")
    with pytest.raises(redis.TimeoutError):
        silence.check("c")
    silence.end()
    silence.check("c")


def test_who_tries_and_is_cancelled_blocks_nobody_for_long() -> None:
    clock = Clock()
    silence = Silence(redis.TimeoutError, TIMEOUT_S, clock)
    silence.begin()
    clock.now += REST_S
    silence.check("b")
    clock.now += TIMEOUT_S + REST_S
    silence.check("c")
