"""Every answer of the web process says what it may load: refusals before Django and
static files too, which no middleware of Django sees. One that belongs to somebody, by
its cookie, is for that browser alone: a cache of many would hand a new visitor's
session to the next."""

from typing import Any

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, Scope
from django.conf import settings

ADDED = {
    b"content-security-policy": (
        b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
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
                wanted = [*ADDED.items(), *only_by_tls(scope)]
                added = [pair for pair in wanted if pair[0] not in known]
                message = {**message, "headers": [*for_one(headers), *added]}
            await send(message)

        await self.application(scope, receive, protected)


def only_by_tls(scope: Any) -> list[tuple[bytes, bytes]]:
    """HSTS as Django's middleware says it; nothing where the page came in plain."""
    if not settings.BEHIND_TLS or scope.get("scheme") != "https":
        return []
    of_all = "; includeSubDomains" if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else ""
    value = f"max-age={settings.SECURE_HSTS_SECONDS}{of_all}"
    return [(b"strict-transport-security", value.encode())]


def for_one(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers, ``private`` where the answer sets a cookie or depends on one."""
    said = {name.lower(): value.lower() for name, value in headers}
    kept = said.get(b"cache-control", b"")
    is_ones = b"set-cookie" in said or b"cookie" in said.get(b"vary", b"")
    if not is_ones or b"private" in kept or b"no-store" in kept:
        return headers
    others = [pair for pair in headers if pair[0].lower() != b"cache-control"]
    rest = [kept.replace(b"public", b"").strip(b" ,")] if kept else []
    value = b", ".join([b"private", *filter(None, rest)])
    return [*others, (b"cache-control", value)]
