"""Hands out what waits for all viewers of a process, a few at a time.

A task for each viewer and message is dear, and a thousand that wake at once keep the
event loop from all else: a page needs many turns of the loop, and each turn was as long
as all viewers together. Here one task goes round. What is the same for many is packed
once (Parcels), written to VIEWERS_A_TURN wires, and then everybody else has a turn. A
round is followed by a pause as long as itself: the more viewers, the more frames come
in one parcel, and half of the loop is left for pages.
"""

import asyncio
import json
import logging
import struct
from collections.abc import Collection
from typing import Any

from lab.viewer.mailbox import Chain, Viewer

logger = logging.getLogger(__name__)

VIEWERS_A_TURN = 32
LONGEST_PAUSE_S = 0.2
PARCEL_BYTES = 64 * 1024
"""Of frames in one parcel; a frame that is longer goes alone."""
TEXT, BINARY = 1, 2
_FINAL = 0x80


def packed(payload: str | bytes) -> bytes:
    """A whole WebSocket message of a server: one frame of RFC 6455, unmasked."""
    opcode = BINARY if isinstance(payload, bytes) else TEXT
    data = payload if isinstance(payload, bytes) else payload.encode()
    length = len(data)
    if length < 126:
        return struct.pack(">BB", _FINAL | opcode, length) + data
    if length < 1 << 16:
        return struct.pack(">BBH", _FINAL | opcode, 126, length) + data
    return struct.pack(">BBQ", _FINAL | opcode, 127, length) + data


class Parcels:
    """What viewers are sent in one round, made once for all who wait for the same."""

    def __init__(self) -> None:
        # Each keeps what its key is the id of, so that no id is given twice.
        self._messages: dict[int, tuple[Any, bytes]] = {}
        self._frames: dict[tuple[int, int, int], tuple[Chain, bytes, int]] = {}

    def of(self, viewer: Viewer) -> bytes:
        """Messages, then frames, at most PARCEL_BYTES; they wait no longer then."""
        letters = [self._message(one) for one in viewer.take_letters()]
        frames = self._next_frames(viewer)
        return b"".join((*letters, frames)) if letters else frames

    def _message(self, message: dict[str, Any] | bytes) -> bytes:
        if id(message) not in self._messages:
            is_frame = isinstance(message, bytes)
            text: Any = message if is_frame else json.dumps(message)
            self._messages[id(message)] = message, packed(text)
        return self._messages[id(message)][1]

    def _next_frames(self, viewer: Viewer) -> bytes:
        chain = viewer.chain
        if chain is None or (start := viewer.position) >= chain.end:
            return b""
        key = id(chain), start, chain.end
        if key not in self._frames:
            self._frames[key] = chain, *_joined(chain, start)
        _, parcel, viewer.position = self._frames[key]
        return parcel


def _joined(chain: Chain, position: int) -> tuple[bytes, int]:
    """Frames from ``position`` on, and the position behind them."""
    parts: list[bytes] = []
    num_bytes = 0
    while position < chain.end:
        frame = packed(chain.frames[position - chain.first])
        if parts and num_bytes + len(frame) > PARCEL_BYTES:
            break
        parts.append(frame)
        num_bytes += len(frame)
        position += 1
    return b"".join(parts), position


class Dealer:
    """One task for all viewers that have a wire."""

    def __init__(self, viewers: Collection[Viewer]) -> None:
        self._viewers = viewers
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something waits for somebody."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._news.wait()
            self._news.clear()
            began = loop.time()
            if await self.go_round():
                self._news.set()
            await asyncio.sleep(min(loop.time() - began, LONGEST_PAUSE_S))

    async def go_round(self) -> bool:
        """Write to every wire that is free; whether somebody is owed more. A wire that
        is not free keeps its place, and skips to the newest keyframe later."""
        parcels, is_owing, num_written = Parcels(), False, 0
        for viewer in list(self._viewers):
            if viewer.wire is None or not viewer.wire.is_free:
                continue
            try:
                if parcel := parcels.of(viewer):
                    viewer.wire.write(parcel)
                    num_written += 1
            except Exception as error:  # it has closed meanwhile
                logger.info("A viewer's wire took nothing: %s", error)
            is_owing = is_owing or viewer.has_frames
            if num_written == VIEWERS_A_TURN:
                num_written = 0
                await asyncio.sleep(0)
        return is_owing
