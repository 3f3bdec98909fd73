"""A socket stands only for our own pages, and only where there is one."""

import asyncio
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from config.asgi import application
from config.handshake import is_own_page, no_such_socket

HOST = (b"host", b"localhost:8000")
OWN = (b"origin", b"http://localhost:8000")


def scope(host: str, origin: str, scheme: str = "ws") -> dict[str, Any]:
    headers = [(b"host", host.encode()), (b"origin", origin.encode("latin-1"))]
    return {"headers": headers, "scheme": scheme}


@pytest.mark.parametrize(
    ("host", "origin", "is_tls", "is_ours"),
    [
        ("localhost:8000", "http://localhost:8000", False, True),
        ("[::1]:8000", "http://[::1]:8000", False, True),
        ("localhost:8000", "http://localhost:9000", False, False),
        ("localhost:8000", "https://localhost:8000", False, False),
        ("localhost", "http://localhost", True, False),
        ("localhost", "https://localhost", True, True),
        ("localhost", "https://localhost:8443", True, False),
        ("evil.example", "http://evil.example", False, False),
        ("localhost:8000", "https://trusted.example", False, True),
        ("localhost:8000", "http://trusted.example", False, False),
        ("localhost:8000", "https://sub.wild.example", False, True),
        ("localhost:8000", "null", False, False),
        ("localhost:8000", "", False, False),
        ("localhost:8000", "http://[", False, False),
        ("localhost:8000", "https://x:99999999", False, False),
        ("[", "http://[", False, False),
    ],
)
def test_only_a_page_of_this_site_opens_a_socket(
    host: str, origin: str, is_tls: bool, is_ours: bool, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "[::1]"]
    settings.BEHIND_TLS = is_tls
    settings.CSRF_TRUSTED_ORIGINS = [
        "https://trusted.example",
        "https://*.wild.example",
    ]
    assert is_own_page(scope(host, origin)) is is_ours


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/nothing/", "/ws/quiz/x/", "/é"])
async def test_an_address_without_a_socket_is_404(path: str, db: None) -> None:
    socket = WebsocketCommunicator(application, path, headers=[HOST, OWN])
    socket.scope["extensions"] = {"websocket.http.response": {}}
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(timeout=60))["status"] == 404
    assert b"no such socket" in (await socket.receive_output(timeout=60))["body"]


def test_where_a_server_cannot_say_404_there_is_a_close_code() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(no_such_socket({"type": "websocket"}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 4404}]


@pytest.mark.parametrize("origin", [b"http://[", b"\xff\xfe", b"https://evil.example"])
async def test_a_strange_origin_is_denied(origin: bytes, db: None) -> None:
    headers = [HOST, (b"origin", origin)]
    socket = WebsocketCommunicator(application, "/ws/lab/", headers=headers)
    connected, _ = await socket.connect(timeout=60)
    assert not connected
