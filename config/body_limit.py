"""An upload that is too large is refused before any of it is read or kept, and one that
never ends after a while."""

import asyncio

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    Scope,
)

from courseware.security_log import note_refusal

EVENT = "refused before it was read"
MAX_BODY_BYTES = 9 * 2**20
"""Above the largest file that a page takes; pages with smaller limits check theirs."""
_SENTENCE = (
    f"What was sent is over {MAX_BODY_BYTES // 2**20} MiB, the most that any page here "
    "takes. Nothing of it was kept."
)

MAX_SECONDS = 120.0
"""For all of it: a slow line sends the largest file in that."""
_TOO_SLOW = (
    f"What was sent did not arrive within {MAX_SECONDS:.0f} seconds. Nothing of it was "
    "kept: try again on a quicker line, or with a smaller file."
)


class BodyLimit:
    """ASGI middleware: by Content-Length at once, else while the body arrives."""

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer 413, or hand on to the application."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
        elif _stated_length(scope) > MAX_BODY_BYTES:
            note_refusal(EVENT, scope, status=413)
            await refuse(send, 413, _SENTENCE)
        else:
            counted = _Counted(scope, receive, send)
            await self.application(scope, counted.receive, counted.send)


class _Counted:
    """Counts a body of unknown length, and ends it at the limit."""

    def __init__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._num_bytes = 0
        self._is_refused = False
        self._is_whole = False
        self._until: float | None = None

    async def receive(self) -> ASGIReceiveEvent:
        try:
            message = await self._next()
        except TimeoutError:
            return await self._end(408, _TOO_SLOW)
        if message["type"] == "http.request":
            self._num_bytes += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        if self._num_bytes <= MAX_BODY_BYTES:
            return message
        return await self._end(413, _SENTENCE)

    async def _next(self) -> ASGIReceiveEvent:
        """What comes after a whole body, the end of the connection, has no limit."""
        if self._is_whole:
            return await self._receive()
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + MAX_SECONDS
        async with asyncio.timeout_at(self._until):
            return await self._receive()

    async def _end(self, status: int, sentence: str) -> ASGIReceiveEvent:
        if not self._is_refused:
            self._is_refused = True
            note_refusal(EVENT, self._scope, status=status)
            await refuse(self._send, status, sentence)
        return {"type": "http.disconnect"}

    async def send(self, message: "object") -> None:
        if not self._is_refused:
            await self._send(message)  # type: ignore[arg-type]


def _stated_length(scope: Scope) -> int:
    for name, value in scope["headers"]:  # type: ignore[typeddict-item]
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def refuse(send: ASGISendCallable, status: int, sentence: str) -> None:
    """Answer with a sentence, and close: nothing more of what is sent is read."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"connection", b"close"),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": headers,
            "trailers": False,
        }
    )
    body = sentence.encode()
    await send({"type": "http.response.body", "body": body, "more_body": False})
