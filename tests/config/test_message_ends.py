"""Where a request ends is never in doubt: no second one hides in the first."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

HEAD = b"POST /first HTTP/1.1\r\nHost: localhost\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + HIDDEN


class Heard:
    """An application that keeps the paths it was asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.port = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        while (await receive()).get("more_body"):
            continue
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    application = Heard()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # As launcher/web.py starts it: it names no parser, so this is the product's.
        config = uvicorn.Config(application, lifespan="off", log_level="error")
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        application.port = listening.getsockname()[1]
        while not server.started:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.01)
        yield application
        server.should_exit = True
        await running


async def answers(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    writer.write_eof()
    got = await asyncio.wait_for(reader.read(), timeout=60)
    writer.close()
    return got


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(CHUNKED),
        b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % len(CHUNKED),
        b"Content-Length: 5\r\nContent-Length: %d\r\n" % len(CHUNKED),
        b"Content-Length: 5, %d\r\n" % len(CHUNKED),
        b"Content-Length: +5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
    ],
)
async def test_lengths_that_contradict_each_other_hide_nothing(
    lengths: bytes, heard: Heard
) -> None:
    got = await answers(heard.port, HEAD + lengths + b"\r\n" + CHUNKED)
    assert "/hidden" not in heard.paths
    assert got == b"" or got.startswith(b"HTTP/1.1 400")


async def test_two_requests_that_end_plainly_are_two(heard: Heard) -> None:
    first = HEAD + b"Content-Length: 2\r\n\r\nok"
    await answers(heard.port, first + HIDDEN.replace(b"GET", b"HEAD"))
    assert heard.paths == ["/first", "/hidden"]
