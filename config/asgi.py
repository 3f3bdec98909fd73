"""ASGI entry: HTTP to Django, WebSockets to Channels behind origin and session."""

import os
from typing import cast

from asgiref.typing import ASGI3Application
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Its scopes are plain dicts to the type checker, those of ASGI are typed.
django_application = cast(ASGI3Application, get_asgi_application())

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware  # noqa: E402

from config.body_limit import BodyLimit  # noqa: E402
from config.charset import OnlyUtf8  # noqa: E402
from config.handshake import OwnPages, routed  # noqa: E402
from config.methods import NoTrace  # noqa: E402
from config.postgresql import wait_at_most  # noqa: E402
from config.protected import ProtectedAnswers  # noqa: E402
from config.routing import websocket_urlpatterns  # noqa: E402

wait_at_most(15.0)  # seconds, for PostgreSQL's answer to one query
by_protocol = ProtocolTypeRouter(
    {
        "http": ProtectedAnswers(NoTrace(OnlyUtf8(BodyLimit(django_application)))),
        "websocket": OwnPages(AuthMiddlewareStack(routed(websocket_urlpatterns))),
    }
)
# The one place where X-Forwarded-For and -Proto are read, and only from a proxy that
# the operator named: the web server itself is told to leave them alone.
application = ProxyHeadersMiddleware(by_protocol, settings.TRUSTED_PROXIES)
