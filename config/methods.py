"""TRACE is refused before any page is asked: it wants what was sent to come back,
cookies and all."""

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    Scope,
)

from config.body_limit import EVENT, refuse
from courseware.security_log import note_refusal

REFUSED = ("TRACE", "TRACK", "CONNECT")
SENTENCE = "This site does not answer that method."


class NoTrace:
    """ASGI middleware: 405 for each of REFUSED."""

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Refuse, or hand on."""
        if scope["type"] == "http" and scope["method"].upper() in REFUSED:
            note_refusal(EVENT, scope, status=405)
            await refuse(send, 405, SENTENCE)
        else:
            await self.application(scope, receive, send)
