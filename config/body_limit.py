"""An upload that is too large is refused before any of it is read or kept."""

from asgiref.typing import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    Scope,
)

MAX_BODY_BYTES = 9 * 2**20
"""Above the largest file that a page takes; pages with smaller limits check theirs."""
_SENTENCE = (
    f"What was sent is over {MAX_BODY_BYTES // 2**20} MiB, the most that any page here "
    "takes. Nothing of it was kept."
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
            await _refuse(send)
        else:
            counted = _Counted(receive, send)
            await self.application(scope, counted.receive, counted.send)


class _Counted:
    """Counts a body of unknown length, and ends it at the limit."""

    def __init__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self._receive, self._send = receive, send
        self._num_bytes = 0
        self._is_refused = False

    async def receive(self) -> ASGIReceiveEvent:
        message = await self._receive()
        if message["type"] == "http.request":
            self._num_bytes += len(message.get("body", b""))
        if self._num_bytes <= MAX_BODY_BYTES:
            return message
        if not self._is_refused:
            self._is_refused = True
            await _refuse(self._send)
        return {"type": "http.disconnect"}

    async def send(self, message: "object") -> None:
        if not self._is_refused:
            await self._send(message)  # type: ignore[arg-type]


def _stated_length(scope: Scope) -> int:
    for name, value in scope["headers"]:  # type: ignore[typeddict-item]
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(send: ASGISendCallable) -> None:
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"connection", b"close"),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": 413,
            "headers": headers,
            "trailers": False,
        }
    )
    body = _SENTENCE.encode()
    await send({"type": "http.response.body", "body": body, "more_body": False})
