"""Only a proxy that the operator named says who asks, and whether by TLS."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from config import asgi
from launcher import web
from tests.config.test_settings import settings_with

ROOT = Path(__file__).resolve().parents[2]
FORWARDED = [
    (b"x-forwarded-for", b"10.9.9.9"),
    (b"x-forwarded-for", b"198.51.100.7, 203.0.113.5"),
    (b"x-forwarded-proto", b"https"),
]


def seen(peer: str, trusted: list[str], kind: str = "http") -> tuple[str, str]:
    """Address and scheme that the application sees."""
    heard: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        heard.update(scope)

    scheme = "http" if kind == "http" else "ws"
    scope = {"type": kind, "client": (peer, 1), "scheme": scheme, "headers": FORWARDED}
    wrapped: Any = ProxyHeadersMiddleware(application, trusted)
    asyncio.run(wrapped(scope, None, None))
    return heard["client"][0], heard["scheme"]


@pytest.mark.parametrize(("kind", "tls"), [("http", "https"), ("websocket", "wss")])
def test_a_named_proxy_is_believed_and_nobody_else(kind: str, tls: str) -> None:
    plain = "http" if kind == "http" else "ws"
    assert seen("127.0.0.1", ["127.0.0.1", "::1"], kind) == ("203.0.113.5", tls)
    assert seen("172.18.0.1", ["172.16.0.0/12"], kind) == ("203.0.113.5", tls)
    assert seen("127.0.0.1", [], kind) == ("127.0.0.1", plain)
    assert seen("192.0.2.1", ["127.0.0.1"], kind) == ("192.0.2.1", plain)


def test_the_product_believes_by_this_setting() -> None:
    assert isinstance(asgi.application, ProxyHeadersMiddleware)
    assert settings_with("TRUSTED_PROXIES") == []
    assert settings_with("TRUSTED_PROXIES", BEHIND_TLS="on") == ["127.0.0.1", "::1"]
    named = settings_with("TRUSTED_PROXIES", TRUSTED_PROXIES="10.0.0.0/8, ::1")
    assert named == ["10.0.0.0/8", "::1"]


def test_both_web_servers_leave_the_headers_alone_and_bound_a_message() -> None:
    wanted = re.compile(r"--no-proxy-headers.*--ws-max-size\D+65536", re.S)
    docker = (ROOT / "docker" / "web.Dockerfile").read_text()
    embedded = " ".join(web.command("127.0.0.1", 8000))
    assert wanted.search(docker) and wanted.search(embedded)
