"""What all sockets share: close codes, a token bucket, the address of a caller. When
they end, courseware.door says."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

NO_LEARNER = 4401
"""Close code: the session has no learner; a page load makes one."""
NOT_YOURS = 4404
"""Close code: what the address names is somebody else's, or does not exist."""
TOO_MANY = 1008
"""Close code of RFC 6455: so many messages are against the rules here."""
# static/js/close_codes.js has the first two; a test holds them together.


class TokenBucket:
    """So many messages at once, and so many a second after that."""

    def __init__(
        self,
        per_s: float,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_s, self._at_once, self._clock = per_s, at_once, clock
        self._left = float(at_once)
        self._counted_at = clock()

    def take(self) -> bool:
        """Use one up; False where none is left."""
        now = self._clock()
        gained = (now - self._counted_at) * self._per_s
        self._left = min(self._at_once, self._left + gained)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def address_of_request(request: HttpRequest) -> str:
    """Network address of who sent a request; "" if unknown."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return _address(request.META.get("REMOTE_ADDR", ""), forwarded)


def address_of_socket(scope: Mapping[str, Any]) -> str:
    """Network address of a socket's other end, from its ASGI scope; "" if unknown."""
    hops = [v for name, v in scope["headers"] if name == b"x-forwarded-for"]
    client = scope.get("client") or ("", 0)
    return _address(client[0], b",".join(hops).decode("latin-1"))


def _address(remote: str, forwarded: str) -> str:
    """Behind a TLS proxy it is the last hop of X-Forwarded-For, which that proxy wrote;
    what stands before it anybody can make up."""
    return forwarded.split(",")[-1].strip() if settings.BEHIND_TLS else remote
