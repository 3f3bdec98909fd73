"""HTTP as uvicorn speaks it, with an end to what comes before a request is known.

    uvicorn --http config.request_head:BoundedHead

uvicorn keeps all that a request line and its headers bring, however much it is, and
puts the parts of an address together anew with each of them: one socket of a stranger
held hundreds of MiB, or the process for seconds. Nor does it give up a socket that
sends nothing, or a byte now and then. Bodies are bounded by config.body_limit.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.protected import ADDED

MAX_HEAD_BYTES = 64 * 1024
"""The longest link of any page is shorter. One read of the system more may be taken."""
_SENTENCE = (
    f"The address and the headers of this request are over {MAX_HEAD_BYTES // 1024} "
    "KiB, the most that is read here."
)
HEAD_S = 30.0
"""Until all of it is there."""
_TOO_SLOW = f"The request did not arrive within {HEAD_S:.0f} seconds."


class BoundedHead(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_in_head, self._num_bytes = True, 0
        self._until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """From now on a request is waited for."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn does, while it is not too much."""
        super().data_received(data)
        if self._is_in_head:
            self._num_bytes += len(data)
            if self._num_bytes > MAX_HEAD_BYTES:
                self._end(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _SENTENCE)

    def on_message_begin(self) -> None:
        """Of the next request on the same connection there is a byte."""
        super().on_message_begin()
        if self._until is None:
            self._wait()

    def on_headers_complete(self) -> None:
        """All is there but the body."""
        self._is_in_head = False
        self._wait_no_more()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes now is another request."""
        super().on_message_complete()
        self._is_in_head, self._num_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP; upstream's answer says nothing of what it may load."""
        self._end(HTTPStatus.BAD_REQUEST, msg)

    def _wait(self) -> None:
        self._until = self.loop.call_later(HEAD_S, self._give_up)

    def _wait_no_more(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def _give_up(self) -> None:
        """Whoever has said nothing at all is told nothing."""
        self._until = None
        if self._num_bytes:
            self._end(HTTPStatus.REQUEST_TIMEOUT, _TOO_SLOW)
        else:
            self.transport.close()

    def _end(self, status: HTTPStatus, sentence: str) -> None:
        self._wait_no_more()
        if self.transport.is_closing():
            return
        body = sentence.encode()
        headers = {
            **ADDED,
            b"content-type": b"text/plain; charset=utf-8",
            b"content-length": str(len(body)).encode(),
            b"connection": b"close",
        }
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in headers.items()]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()
