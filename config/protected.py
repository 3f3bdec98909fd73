"""Every answer of the web process says what it may load: refusals before Django and
static files too, which no middleware of Django sees."""

from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, Scope

ADDED = {
    b"content-security-policy": (
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}


class ProtectedAnswers:
    """ASGI middleware: adds the headers that an answer has not."""

    def __init__(self, application: ASGI3Application) -> None:
        self.application = application

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: Any
    ) -> None:
        """Hand on; the beginning of the answer passes by here."""

        async def protected(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                known = {name.lower() for name, _ in headers}
                added = [pair for pair in ADDED.items() if pair[0] not in known]
                message = {**message, "headers": [*headers, *added]}
            await send(message)

        await self.application(scope, receive, protected)
