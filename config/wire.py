"""A WebSocket of uvicorn's that one task writes for many, and that gives up the dead.

    uvicorn --ws config.wire:Wire

To the ASGI application it is uvicorn's own, with an extension "servelab.wire": the
connection itself, for lab/viewer/dealer.py. What is the same for a thousand viewers is
made ready once (packed()) and written at once, without a task or a coroutine for each.

A viewer that reads nothing costs STALLED_S at most: what waits for it is bounded by
HIGH_WATER_BYTES and one parcel, and when it has taken nothing off for that time, the
connection is cut. Closing would not do: that waits until all is read.
"""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

EXTENSION = "servelab.wire"
STALLED_S = 30.0
HIGH_WATER_BYTES = 64 * 1024
KERNEL_BYTES = 128 * 1024
"""What the system keeps for a viewer; Linux takes twice the number."""


class Wire(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_paused = False
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Bound what may wait for a viewer, here and in the system."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        its_socket = transport.get_extra_info("socket")
        if its_socket is not None:
            its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)

    def handle_connect(self, event: Request) -> None:
        """As uvicorn does; the scope carries the wire."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = dict(self.scope["extensions"])
            self.scope["extensions"] = extensions | {EXTENSION: self}

    @property
    def is_free(self) -> bool:
        """Whether a parcel can be written now and would soon be under way."""
        return (
            self.handshake_complete
            and not self._is_paused
            and not self.close_sent
            and self.conn.state is State.OPEN
            and not self.transport.is_closing()
        )

    def write(self, parcel: bytes) -> None:
        """One or more whole frames of RFC 6455, as packed() makes them."""
        self.transport.write(parcel)

    # The dead

    def pause_writing(self) -> None:
        """More waits than HIGH_WATER_BYTES: a clock begins to run."""
        super().pause_writing()
        self._is_paused = True
        self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        self._is_paused = False
        self._stop_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone, or cut."""
        self._stop_clock()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """No answer to a ping: nothing that waits will be read any more."""
        super().keepalive_timeout()
        self.transport.abort()

    def _stop_clock(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
