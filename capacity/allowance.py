"""How much a stranger may compute: by the seconds that it takes, and few at once.

A turn that becomes free goes to the address that has the fewest, and there to the
learner who has: fifty pages of one keep nobody else from theirs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from courseware.counting import count_within
from courseware.sockets import address_of_request, network_of

NUM_SLOTS = {"month": 2, "preview": 4}
"""Simulations at once, of all learners together: whole months, and previews."""
SLOT_HELD_S = 60
WAITS_S = {"month": 6, "preview": 1}
"""Whoever found no turn is remembered for so long: a page asks for a month again after
4 s, a preview looks every 0.05 s."""
WAIT_S = 3.0
"""A preview waits so long for its turn."""
CLASS = 20
"""So many learners behind one address may use all of theirs."""


MINUTE_S, TURN_S = 60, 5
"""After which whoever was refused may try again: what is counted, and a turn."""


class Exhausted(Exception):
    """The message is a sentence for the learner."""

    def __init__(self, sentence: str, after_s: int) -> None:
        super().__init__(sentence)
        self.after_s = after_s
        """Seconds, for Retry-After."""


@contextmanager
def metered(request: HttpRequest) -> Iterator[None]:
    """What is done within is counted by its processor seconds; raises Exhausted where
    the learner, or all at their address, have used theirs."""
    most_ms = settings.LIMITS.simulated_s * 1000
    holders = [(_learner(request), most_ms), (_address(request), most_ms * CLASS)]
    for who, most in holders:
        if who and count_within("fleet-ms", who, MINUTE_S, by=0) >= most:
            is_learners = who == _learner(request)
            raise Exhausted(_sentence(is_learners, most // 1000), MINUTE_S)
    began = time.thread_time()
    try:
        yield
    finally:
        spent_ms = 1 + int(1000 * (time.thread_time() - began))
        for who, _ in holders:
            if who:
                count_within("fleet-ms", who, MINUTE_S, by=spent_ms)


def _sentence(is_learners: bool, most_s: int) -> str:
    whose = "You have" if is_learners else "Your network address has"
    return (
        f"{whose} used {most_s} seconds of simulation within a minute, which is the "
        "limit. Go on in a minute."
    )


def _learner(request: HttpRequest) -> str:
    return str(getattr(request, "learner_id", None) or "")


def _address(request: HttpRequest) -> str:
    return network_of(address_of_request(request))


@contextmanager
def slot(
    request: HttpRequest, what: str = "month", wait_s: float = 0.0
) -> Iterator[bool]:
    """A turn to simulate; False where all are taken, or somebody with fewer of them
    waits, for as long as ``wait_s``."""
    who = _names(request)
    held, end = _first_free(what, who), time.monotonic() + wait_s
    while held is None and time.monotonic() < end:
        time.sleep(0.05)
        held = _first_free(what, who)
    try:
        yield held is not None
    finally:
        if held:
            cache.delete(held)


@contextmanager
def preview(request: HttpRequest) -> Iterator[None]:
    """A turn to simulate a preview, metered; raises Exhausted."""
    with slot(request, "preview", WAIT_S) as is_free:
        if not is_free:
            raise Exhausted(
                f"{NUM_SLOTS['preview']} others are simulating just now, which is the "
                "limit. Try again in a few seconds.",
                TURN_S,
            )
        with metered(request):
            yield


def _names(request: HttpRequest) -> tuple[str, str]:
    """Of the address and the learner, as turns are kept under them."""
    of = (_address(request), _learner(request))
    made = (salted_hmac("capacity.turns", one, algorithm="sha256") for one in of)
    return tuple(one.hexdigest()[:16] for one in made)  # type: ignore[return-value]


def _first_free(what: str, who: tuple[str, str]) -> str | None:
    """Its key; "" where nobody counts because the cache is away."""
    keys = [f"fleet:slot:{what}:{number}" for number in range(NUM_SLOTS[what])]
    try:
        held = [str(holder).split() for holder in cache.get_many(keys).values()]
        lines = [
            _Line(f"fleet:waits:{what}:{level}", who[level], _num_of(held, level, who))
            for level in range(len(who))
        ]
        if not any(one.somebody_is_before() for one in lines):
            for key in keys:
                if cache.add(key, " ".join(who), timeout=SLOT_HELD_S):
                    for one in lines:
                        one.leave()
                    return key
        for one in lines:
            one.join(WAITS_S[what])
    except RedisError:
        return ""
    return None


def _num_of(held: list[list[str]], level: int, who: tuple[str, str]) -> int:
    """Turns that this address has, or this learner there."""
    return sum(one[: level + 1] == list(who[: level + 1]) for one in held)


@dataclass(frozen=True)
class _Line:
    """Of those who wait, only the one with the fewest turns is remembered."""

    key: str
    me: str
    num_turns: int

    def somebody_is_before(self) -> bool:
        """Whether another waits who has fewer."""
        first = cache.get(self.key)
        return bool(first) and first[0] != self.me and first[1] < self.num_turns

    def join(self, seconds: int) -> None:
        if not self.somebody_is_before():
            cache.set(self.key, (self.me, self.num_turns), timeout=seconds)

    def leave(self) -> None:
        first = cache.get(self.key)
        if first and first[0] == self.me:
            cache.delete(self.key)
