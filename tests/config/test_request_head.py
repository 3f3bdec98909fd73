"""A real uvicorn with our HTTP, and strangers whose requests have no end."""

import asyncio
import re
import socket

import pytest
import uvicorn
import websockets

from config import request_head
from config.request_head import MAX_HEAD_BYTES, BoundedHead
from launcher.web import command
from tests.repository import ROOT

READ_BYTES = 256 * 1024
"""What asyncio reads from a socket at once, at most."""


async def application(scope, receive, send) -> None:
    """Tells how long a body is; says nothing on a WebSocket."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    num_bytes, more = 0, True
    while more:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = str(num_bytes).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def address():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application, http=BoundedHead, lifespan="off", log_level="error"
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.01)
        yield listening.getsockname()[:2]
        server.should_exit = True
        await running


async def answers(address, *parts: bytes, most: int = 0) -> tuple[list[int], bytes]:
    """Statuses and the whole answer to what is sent; with ``most`` the last part again
    and again, and never more than so many bytes of it."""
    reader, writer = await asyncio.open_connection(*address)
    for part in parts:
        writer.write(part)
    sent = 0
    try:
        while sent < most and not reader.at_eof():
            writer.write(parts[-1])
            await writer.drain()
            sent += len(parts[-1])
    except ConnectionError:
        pass
    assert not most or sent < most, "it took all of it"
    try:
        answer = await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        answer = b""  # closed while more of it was under way
    writer.close()
    return [int(one) for one in re.findall(rb"HTTP/1.1 (\d{3})", answer)], answer


GET = b"GET /privacy/ HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET /", b"a" * 8192),
        (GET + b"X: ", b"a" * 8192),
        (GET, b"X: a\r\n" * 1000),
        (GET + b"Cookie: ", b"a=b; " * 1000),
    ],
)
async def test_a_head_without_an_end_is_refused_after_64_kib(parts, address) -> None:
    most = 16 * (MAX_HEAD_BYTES + READ_BYTES)
    statuses, answer = await answers(address, *parts, most=most)
    assert statuses in ([431], []), "or the refusal was lost with the connection"
    reader, writer = await asyncio.open_connection(*address)
    writer.write(parts[0] + parts[1] * (MAX_HEAD_BYTES // len(parts[1]) + 1))
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 431 ") and b"over 64 KiB" in answer
    assert b"content-security-policy: " in answer
    writer.close()


async def test_a_long_link_and_a_large_body_are_taken(address) -> None:
    link = (
        b"GET /?" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    assert (await answers(address, link))[0] == [200]
    head = (
        b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    )
    size = 2**20
    statuses, answer = await answers(address, head % size + b"a" * size)
    assert statuses == [200] and answer.endswith(str(size).encode())
    one = GET + b"\r\n"
    assert (await answers(address, one * 3 + link))[0] == [200] * 4


async def test_what_never_comes_is_not_waited_for(address, monkeypatch) -> None:
    monkeypatch.setattr(request_head, "HEAD_S", 0.2)
    assert await answers(address) == ([], b"")
    for part in (b"GET / HT", GET, GET + b"\r\n" + GET):
        statuses, answer = await answers(address, part)
        assert statuses[-1] == 408 and b"did not arrive" in answer
        assert b"content-security-policy: " in answer


async def test_a_body_and_a_socket_may_take_longer(address, monkeypatch) -> None:
    monkeypatch.setattr(request_head, "HEAD_S", 0.2)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
    async with websockets.connect("ws://{}:{}/".format(*address)) as viewer:
        await asyncio.sleep(0.5)
        await asyncio.wait_for(await viewer.ping(), 5)
    writer.write(b"b")
    assert (await asyncio.wait_for(reader.read(12), 5)).endswith(b" 200")
    writer.close()


async def test_what_is_no_http_is_answered_with_the_same_protection(address) -> None:
    statuses, answer = await answers(address, b"\x16\x03\x01\x00\r\n\r\n")
    assert statuses == [400] and b"content-security-policy: " in answer


def test_every_web_process_is_started_with_it() -> None:
    name = "config.request_head:BoundedHead"
    assert name in command("127.0.0.1", 8000)
    assert name in (ROOT / "docker/web.Dockerfile").read_text()
