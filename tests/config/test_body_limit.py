"""A body over the limit is refused before it is read, stated length or not."""

import asyncio
from typing import Any

import pytest

from config import body_limit
from config.body_limit import MAX_BODY_BYTES, BodyLimit
from config.protected import ProtectedAnswers

CHUNK = 2**20


class Connection:
    """A client that sends chunks as long as somebody asks for them."""

    def __init__(self, num_chunks: int) -> None:
        self.left = num_chunks
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        self.left -= 1
        more = self.left > 0
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": more}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def statuses(self) -> list[int]:
        return [m["status"] for m in self.sent if m["type"] == "http.response.start"]


async def reads_all(scope, receive, send) -> None:
    while (message := await receive())["type"] == "http.request":
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})


def run(connection: Connection, length: str | None) -> None:
    headers = [(b"content-length", length.encode())] if length else []
    scope = {"type": "http", "headers": headers}
    limited = BodyLimit(reads_all)
    asyncio.run(limited(scope, connection.receive, connection.send))


def test_a_stated_gigabyte_is_refused_without_reading_a_byte() -> None:
    connection = Connection(num_chunks=1024)
    run(connection, str(2**30))
    assert connection.statuses == [413] and connection.left == 1024
    assert b"over 9 MiB" in connection.sent[-1]["body"]


def test_a_body_without_a_length_is_ended_at_the_limit() -> None:
    connection = Connection(num_chunks=1024)
    run(connection, None)
    assert connection.statuses == [413]
    assert 1024 - connection.left == MAX_BODY_BYTES // CHUNK + 1


def test_what_is_within_the_limit_goes_through() -> None:
    connection = Connection(num_chunks=9)
    run(connection, str(9 * CHUNK))
    assert connection.statuses == [200] and connection.left == 0


def test_a_socket_is_handed_on() -> None:
    asked = []

    async def takes(scope, receive, send) -> None:
        asked.append(scope["type"])

    asyncio.run(BodyLimit(takes)({"type": "websocket"}, None, None))
    assert asked == ["websocket"]


def test_a_body_that_never_ends_is_refused_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_limit, "MAX_SECONDS", 0.05)

    class Slow(Connection):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0.03)
            return {"type": "http.request", "body": b"x", "more_body": True}

    slow = Slow(num_chunks=1)
    run(slow, str(8 * 2**20))
    assert slow.statuses == [408]


def test_the_wait_for_a_browser_to_leave_has_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_limit, "MAX_SECONDS", 0.3)
    heard: list[str] = []

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])

    class Leaving(Connection):
        async def receive(self) -> dict[str, Any]:
            if heard:
                await asyncio.sleep(0.9)
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"", "more_body": False}

    leaving: Any = Leaving(num_chunks=1)
    limited = BodyLimit(waits)
    asyncio.run(limited({"type": "http", "headers": []}, leaving.receive, leaving.send))
    assert heard == ["http.request", "http.disconnect"] and leaving.statuses == []


@pytest.mark.parametrize("length", ["1", str(2**30)])
def test_every_answer_says_what_it_may_load(length: str) -> None:
    connection: Any = Connection(num_chunks=1)
    scope: Any = {"type": "http", "headers": [(b"content-length", length.encode())]}
    guarded = ProtectedAnswers(BodyLimit(reads_all))
    asyncio.run(guarded(scope, connection.receive, connection.send))
    headers = dict(connection.sent[0]["headers"])
    assert b"frame-ancestors 'none'" in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_policy_of_its_own_stays() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        own = [(b"Content-Security-Policy", b"default-src 'none'")]
        await send({"type": "http.response.start", "status": 200, "headers": own})

    connection: Any = Connection(num_chunks=1)
    guarded: Any = ProtectedAnswers(page)
    asyncio.run(guarded({"type": "http"}, connection.receive, connection.send))
    names = [name.lower() for name, _ in connection.sent[0]["headers"]]
    assert names.count(b"content-security-policy") == 1
