"""What all sockets share: close codes, a token bucket, the address of a caller, the end
of a session."""

import logging
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

logger = logging.getLogger(__name__)

NO_LEARNER = 4401
"""Close code: the session has no learner; a page load makes one."""
NOT_YOURS = 4404
"""Close code: what the address names is somebody else's, or does not exist."""
# static/js/close_codes.js has both for the browser; a test holds them together.


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


def session_group(session: Any) -> str | None:
    """Group of all sockets of one session, which hear ``session.ended`` when its user
    signs out; None where there is no session. The key itself stays secret."""
    key = getattr(session, "session_key", None)
    return f"session.{sha256(key.encode()).hexdigest()[:32]}" if key else None


def has_ended(session: Any) -> bool:
    """Whether a socket's session was ended meanwhile: signed out, or deleted."""
    key = getattr(session, "session_key", None)
    return bool(key) and not session.exists(key)


@receiver(user_logged_out, dispatch_uid="courseware.close_sockets")
def close_sockets(request: HttpRequest, **rest: Any) -> None:
    """Tell the open sockets of a session that its user has signed out.

    Where the broker is away nobody is told; each socket asks has_ended() itself.
    """
    if group := session_group(request.session):
        try:
            tell = async_to_sync(get_channel_layer().group_send)
            tell(group, {"type": "session.ended"})
        except OSError as error:
            logger.warning("open sockets were not told of a sign-out: %s", error)
