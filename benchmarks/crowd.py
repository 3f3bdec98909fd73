"""Many viewers in one lean process: sockets that count frames, and draw nothing.

    python -m benchmarks.crowd '{"url": "ws://…", "cookie": "…", "viewers": 500,
        "dead": 5, "slow": 5}'

Of the viewers ``dead`` never read after the handshake and ``slow`` read once in two
seconds. It says "joined" with the number that were let in; to each line on stdin it
answers with a JSON line of the time since the line before (see Tally).
"""

import asyncio
import json
import math
import os
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

FRAME_MAGIC = b"SVLF"
STAMP = struct.Struct("<d")
STAMP_AT = 32
"""Of ``stamp_ms`` in a frame (docs/frame-format.md)."""
SLOW_S = 2.0
CONNECTING_AT_ONCE = 50
PONG = b"\x8a\x80\0\0\0\0"
"""A masked pong of no bytes; ping payloads are echoed behind it."""


@dataclass
class Tally:
    """What the quick viewers got: frames, how late, and bytes."""

    began: float = field(default_factory=time.monotonic)
    num_frames: int = 0
    num_texts: int = 0
    num_bytes: int = 0
    lags_ms: Counter[int] = field(default_factory=Counter)

    def lag_ms(self, rank: float) -> int | None:
        """The lag that ``rank`` per cent of the frames do not exceed."""
        seen, due = 0, math.ceil(rank / 100 * self.num_frames)
        for lag in sorted(self.lags_ms):
            seen += self.lags_ms[lag]
            if seen >= due:
                return lag
        return None


class Viewer(asyncio.Protocol):
    """One socket; frames of a server come whole or in pieces, and unmasked."""

    def __init__(self, crowd: "Crowd", pace: str) -> None:
        self.crowd = crowd
        self.pace = pace
        self.is_in = False
        self.rest = b""
        self.answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.crowd.handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.num_lost += self.is_in
        if not self.answered.done():
            self.answered.set_result(False)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        if not self.is_in:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.rest = head
                return
            self.is_in = head.startswith(b"HTTP/1.1 101")
            self.answered.set_result(self.is_in)
            if self.pace != "quick":
                self.transport.pause_reading()
        self._read(data)
        if self.pace == "slow":
            self.transport.pause_reading()
            loop = asyncio.get_running_loop()
            loop.call_later(SLOW_S, self.transport.resume_reading)

    def _read(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                start += 2
                length = int.from_bytes(data[at + 2 : at + 4])
            elif length == 127:
                start += 8
                length = int.from_bytes(data[at + 2 : at + 10])
            if start + length > end:
                break
            self._message(data[at] & 15, data, start, length)
            at = start + length
        self.rest = data[at:]

    def _message(self, opcode: int, data: bytes, start: int, length: int) -> None:
        tally = self.crowd.tally
        if opcode == 9:
            pong = bytes((PONG[0], PONG[1] | length)) + PONG[2:]
            self.transport.write(pong + data[start : start + length])
        elif self.pace != "quick":
            return
        elif opcode == 1:
            tally.num_texts += 1
        elif data.startswith(FRAME_MAGIC, start):
            (stamp_ms,) = STAMP.unpack_from(data, start + STAMP_AT)
            tally.num_frames += 1
            tally.num_bytes += length
            tally.lags_ms[max(0, round(time.time() * 1e3 - stamp_ms))] += 1


class Crowd:
    """All viewers of this process."""

    def __init__(self, asked: dict[str, Any]) -> None:
        parts = urlsplit(asked["url"])
        self.host, self.port = parts.hostname, parts.port
        self.num_viewers = int(asked["viewers"])
        self.num_dead = self.num_viewers * int(asked.get("dead", 0)) // 100
        self.num_slow = self.num_viewers * int(asked.get("slow", 0)) // 100
        self.handshake = (
            f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Origin: http://{parts.netloc}\r\nCookie: {asked.get('cookie', '')}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ).encode()
        self.tally = Tally()
        self.num_lost = 0
        self.viewers: list[Viewer] = []

    async def join(self) -> int:
        """Connect all; returns how many were let in."""
        turns = asyncio.Semaphore(CONNECTING_AT_ONCE)
        return sum(
            await asyncio.gather(
                *(self._connect(n, turns) for n in range(self.num_viewers))
            )
        )

    async def _connect(self, number: int, turns: asyncio.Semaphore) -> bool:
        pace = "dead" if number < self.num_dead else "quick"
        if self.num_dead <= number < self.num_dead + self.num_slow:
            pace = "slow"
        async with turns:
            loop = asyncio.get_running_loop()
            _, viewer = await loop.create_connection(
                lambda: Viewer(self, pace), self.host, self.port
            )
            self.viewers.append(viewer)
            return await viewer.answered

    def report(self) -> dict[str, Any]:
        """The tally since the last report."""
        tally, self.tally = self.tally, Tally()
        seconds = time.monotonic() - tally.began
        quick = self.num_viewers - self.num_dead - self.num_slow
        return {
            "seconds": seconds,
            "deliveries": tally.num_frames + tally.num_texts,
            "frames_per_s": tally.num_frames / seconds / max(1, quick),
            "bytes": tally.num_bytes,
            "lag_ms_p50": tally.lag_ms(50),
            "lag_ms_p99": tally.lag_ms(99),
            "lost": self.num_lost,
            "cpu_s": sum(os.times()[:2]),
        }


async def main() -> None:
    """Join, then answer each line; ends with stdin."""
    crowd = Crowd(json.loads(sys.argv[1]))
    print("joined", await crowd.join(), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(crowd.report()), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
