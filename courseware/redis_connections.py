"""Connections to a Redis that may hang: nobody waits for it after another has.

A server that is stopped, or whose machine is, takes connections and says nothing. Then
a call lasts TIMEOUT_S and raises redis.TimeoutError. A page makes several calls, and
many sockets share a thread: so once one has waited in vain all others of the process
fail at once, but for one every few seconds (courseware.silence).

    cache, receipts, line   options(url)
    channel layer           options(url, is_async=True)
    Celery                  has connections of its own; lab.client asks here first
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import redis
import redis.asyncio as aioredis

from courseware.silence import Silence

TIMEOUT_S = 2.0


@lru_cache
def silence_of(*server: Any) -> Silence:
    """Of the server at an address, for the whole process."""
    return Silence(redis.TimeoutError, TIMEOUT_S)


class _Impatient:
    """Of both kinds of connection: which server it is to."""

    @property
    def _silence(self) -> Silence:
        parts = ("host", "port", "path")
        return silence_of(*(getattr(self, part, None) for part in parts))

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except redis.TimeoutError:
            self._silence.begin()
            raise
        except redis.ConnectionError:  # it is away, and says so at once
            self._silence.end()
            raise


class _Waiting(_Impatient):
    """In front of a class of redis.connection."""

    def connect(self) -> None:
        self._silence.check(self)
        with self._noting():
            super().connect()  # type: ignore[misc]

    def send_packed_command(self, *args: Any, **more: Any) -> None:
        self._silence.check(self)
        super().send_packed_command(*args, **more)  # type: ignore[misc]

    def read_response(self, *args: Any, **more: Any) -> Any:
        with self._noting():
            answer = super().read_response(*args, **more)  # type: ignore[misc]
        self._silence.end()
        return answer


class _Awaiting(_Impatient):
    """In front of a class of redis.asyncio.connection."""

    async def connect(self) -> None:
        self._silence.check(self)
        with self._noting():
            await super().connect()  # type: ignore[misc]

    async def send_packed_command(self, *args: Any, **more: Any) -> None:
        self._silence.check(self)
        await super().send_packed_command(*args, **more)  # type: ignore[misc]

    async def read_response(self, *args: Any, **more: Any) -> Any:
        with self._noting():
            answer = await super().read_response(*args, **more)  # type: ignore[misc]
        if answer is not None:  # a subscriber's look ends with None where nothing came
            self._silence.end()
        return answer


class Connection(_Waiting, redis.Connection):
    """redis://"""


class TlsConnection(_Waiting, redis.SSLConnection):
    """rediss://"""


class SocketConnection(_Waiting, redis.UnixDomainSocketConnection):
    """unix://"""


class AsyncConnection(_Awaiting, aioredis.Connection):
    """redis://"""


class AsyncTlsConnection(_Awaiting, aioredis.SSLConnection):
    """rediss://"""


class AsyncSocketConnection(_Awaiting, aioredis.UnixDomainSocketConnection):
    """unix://"""


def options(url: str, *, is_async: bool = False) -> dict[str, Any]:
    """Arguments of redis-py's from_url() for a client that waits for TIMEOUT_S."""
    kinds: dict[str, tuple[type, type]] = {
        "rediss": (TlsConnection, AsyncTlsConnection),
        "unix": (SocketConnection, AsyncSocketConnection),
    }
    waiting, awaiting = kinds.get(
        url.partition("://")[0].lower(), (Connection, AsyncConnection)
    )
    return {
        "connection_class": awaiting if is_async else waiting,
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
    }


def server_at(url: str, *, decode_responses: bool = True) -> Any:
    """A client that waits for TIMEOUT_S at most. Any, since redis-py types what a call
    returns for its asynchronous client as well."""
    return redis.Redis.from_url(url, decode_responses=decode_responses, **options(url))
