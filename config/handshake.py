"""Who may open a socket, decided before one stands: a page of this site, and only at an
address that there is."""

from typing import Any
from urllib.parse import urlsplit

from asgiref.typing import ASGI3Application, ASGIReceiveCallable, ASGISendCallable
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host
from django.urls import URLPattern, re_path
from django.utils.http import is_same_domain

from courseware.security_log import note_refusal
from courseware.sockets import NOT_YOURS

HTTP_ANSWER = "websocket.http.response"
"""ASGI's extension by which a handshake is answered with a status of our own."""


class OwnPages:
    """ASGI middleware: only pages of this site, by its own scheme and port, or of a
    CSRF_TRUSTED_ORIGIN. Whatever else the header holds is refused, never raised."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(
        self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Hand on, or deny (the browser sees 403)."""
        application = self.application
        if not is_own_page(scope):
            note_refusal("socket refused", scope, why="another site's page")
            application = WebsocketDenier()
        await application(scope, receive, send)


def is_own_page(scope: Any) -> bool:
    """Whether the page that opens a socket is one of ours, as Django's CSRF check
    decides it for a form."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "").lower()
    origin = headers.get(b"origin", "").lower()
    is_tls = settings.BEHIND_TLS or scope.get("scheme") in ("wss", "https")
    own = f"{'https' if is_tls else 'http'}://{host}"
    return (_is_allowed(host) and origin == own) or _is_trusted(origin)


def _is_allowed(host: str) -> bool:
    parts = _parts(f"//{host}")
    name = parts and parts.hostname
    if not name:
        return False
    return validate_host(f"[{name}]" if ":" in name else name, settings.ALLOWED_HOSTS)


def _is_trusted(origin: str) -> bool:
    given = _parts(origin)
    if given is None or not given.hostname:
        return False
    for one in settings.CSRF_TRUSTED_ORIGINS:
        scheme, _, place = one.lower().partition("://")
        if scheme == given.scheme and is_same_domain(given.netloc, place.lstrip("*")):
            return True
    return False


def _parts(address: str) -> Any:
    """None for what is no address, such as ``http://[``."""
    try:
        parts = urlsplit(address)
        return parts if parts.port is None or parts.port else None
    except ValueError:
        return None


async def no_such_socket(scope: Any, receive: ASGIReceiveCallable, send: Any) -> None:
    """404 where the server can say so before a socket stands, else a close code."""
    await receive()
    if HTTP_ANSWER not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": NOT_YOURS})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    start = {"type": f"{HTTP_ANSWER}.start", "status": 404, "headers": headers}
    await send(start)
    await send({"type": f"{HTTP_ANSWER}.body", "body": b"There is no such socket."})


def routed(patterns: list[URLPattern]) -> ASGI3Application:
    """The sockets there are, and an answer for every other address."""
    router: ASGI3Application = URLRouter([*patterns, re_path("", no_such_socket)])  # type: ignore[arg-type]
    return router
