"""What waits for one viewer: the newest messages, and a place in a chain of frames.

A chain is kept once per engine host and process; a viewer holds only a position in
it, so a thousand viewers cost no more memory than one. Nothing here waits or blocks:
the hub puts in, the viewer's own task takes out.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from lab.tracing.trace import LOW_WORD

MAX_CHAIN_FRAMES = 2_000
MAX_CHAIN_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Chain:
    """One host's newest keyframe and every delta since; positions only grow."""

    engine_run: int = 0
    sequence: int | None = None
    """``seq`` of the newest frame; None before the first."""
    first: int = 0
    """Position of ``frames[0]``, which is a keyframe."""
    frames: list[bytes] = field(default_factory=list)
    num_bytes: int = 0

    @property
    def end(self) -> int:
        """The position that the next frame will have."""
        return self.first + len(self.frames)

    @property
    def is_broken(self) -> bool:
        """No keyframe to start from: deltas are of no use until one comes."""
        return not self.frames

    def add(
        self, engine_run: int, sequence: int, is_keyframe: bool, frame: bytes
    ) -> None:
        """Take a frame in. A delta that does not follow breaks the chain."""
        if is_keyframe:
            self._clear()
        elif (
            self.is_broken
            or not self._follows(engine_run, sequence)
            or self._is_full(frame)
        ):
            self._clear()
            return
        self.engine_run, self.sequence = engine_run, sequence
        self.frames.append(frame)
        self.num_bytes += len(frame)

    def _follows(self, engine_run: int, sequence: int) -> bool:
        return (
            self.sequence is not None
            and engine_run == self.engine_run
            and sequence == (self.sequence + 1) & LOW_WORD
        )

    def _is_full(self, frame: bytes) -> bool:
        return (
            len(self.frames) >= MAX_CHAIN_FRAMES
            or self.num_bytes + len(frame) > MAX_CHAIN_BYTES
        )

    def _clear(self) -> None:
        self.first = self.end
        self.frames = []
        self.num_bytes = 0


class Viewer:
    """One browser: a position in the chain it follows, and its newest messages."""

    def __init__(self) -> None:
        self.engine_host_id: str | None = None
        self.has_chosen = False
        """Whether the browser named the host; otherwise the hub picks one."""
        self.sees_all = False
        """Whether it gets the keyframes of hosts that it does not follow, too."""
        self.request_ids: set[str] = set()
        self._chain: Chain | None = None
        self._position = 0
        self._letters: dict[str, dict[str, Any] | bytes] = {}
        self._woken = asyncio.Event()

    def post(self, key: str, message: dict[str, Any] | bytes) -> None:
        """Leave a message; a newer one under the same key replaces it."""
        self._letters.pop(key, None)
        self._letters[key] = message
        self._woken.set()

    def wake(self) -> None:
        """A frame may have come."""
        self._woken.set()

    def follow(self, engine_host_id: str, chain: Chain) -> None:
        """Start at the keyframe of this host's chain (again)."""
        self.engine_host_id = engine_host_id
        self._chain = chain
        self._position = chain.first
        self._woken.set()

    @property
    def is_starved(self) -> bool:
        """Whether it follows a chain that has no keyframe to start from."""
        return self._chain is not None and self._chain.is_broken

    async def next(self) -> dict[str, Any] | bytes:
        """The next thing to send; messages go before frames."""
        while True:
            if self._letters:
                return self._letters.pop(next(iter(self._letters)))
            frame = self._next_frame()
            if frame is not None:
                return frame
            self._woken.clear()
            await self._woken.wait()

    def _next_frame(self) -> bytes | None:
        chain = self._chain
        if chain is None:
            return None
        position = max(self._position, chain.first)
        if position >= chain.end:
            return None
        self._position = position + 1
        return chain.frames[position - chain.first]
