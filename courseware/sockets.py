"""What all sockets share: close codes, a token bucket, the address of a caller. When
they end, courseware.door says."""

import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

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
    return _address(request.META.get("REMOTE_ADDR") or "")


def address_of_socket(scope: Mapping[str, Any]) -> str:
    """Network address of a socket's other end, from its ASGI scope; "" if unknown."""
    return _address((scope.get("client") or ("", 0))[0] or "")


def _address(seen: str) -> str:
    """Behind a proxy of TRUSTED_PROXIES config.asgi has put there what that proxy
    wrote last; what is no address is none."""
    try:
        return str(ip_address(seen))
    except ValueError:
        return ""


def network_of(address: str) -> str:
    """What counts as one sender: an IPv6 subscriber has a whole /64 of addresses."""
    known = ip_address(address) if address else None
    if known is None or known.version == 4:
        return address
    return str(ip_network(f"{known}/64", strict=False))
