"""What waits for one viewer: the newest messages, and a place in a chain of frames.

A chain is kept once per engine host and process; a viewer holds only a position in
it, so a thousand viewers cost no more memory than one. Nothing here waits or blocks:
the hub puts in, the viewer's own task takes out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

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


class Wire(Protocol):
    """A connection that takes packed messages at once (config/wire.py)."""

    @property
    def is_free(self) -> bool:
        """Whether it takes a parcel now."""

    def write(self, parcel: bytes) -> None:
        """Send whole messages, packed."""


class Viewer:
    """One browser: a position in the chain it follows, and its newest messages.

    With a ``wire`` the dealer sends what others get too, and next() has only what is
    the viewer's own; without one, next() has all.
    """

    def __init__(
        self, wire: Wire | None = None, wake_dealer: Callable[[], None] | None = None
    ) -> None:
        self.wire = wire
        self.engine_host_id: str | None = None
        self.has_chosen = False
        """Whether the browser named the host; otherwise the hub picks one."""
        self.sees_all = False
        """Whether it gets the keyframes of hosts that it does not follow, too."""
        self.held: list[str] = []
        """Hosts that are heard for it beside the one it follows."""
        self.request_ids: set[str] = set()
        self.chain: Chain | None = None
        self._position = 0
        self._own: dict[str, dict[str, Any]] = {}
        self._letters: dict[str, dict[str, Any] | bytes] = {}
        self._woken = asyncio.Event()
        self.wake = wake_dealer if wire and wake_dealer else self._woken.set
        """A frame may have come."""

    def post(self, key: str, message: dict[str, Any] | bytes) -> None:
        """Leave a message; a newer one under the same key replaces it."""
        self._letters.pop(key, None)
        self._letters[key] = message
        self.wake()

    def tell(self, key: str, message: dict[str, Any]) -> None:
        """The same for a message that next() hands out in any case."""
        self._own.pop(key, None)
        self._own[key] = message
        self._woken.set()

    def follow(self, engine_host_id: str, chain: Chain) -> None:
        """Start at the keyframe of this host's chain (again)."""
        self.engine_host_id = engine_host_id
        self.chain = chain
        self._position = chain.first
        self.wake()

    @property
    def is_starved(self) -> bool:
        """Whether it follows a chain that has no keyframe to start from."""
        return self.chain is not None and self.chain.is_broken

    @property
    def position(self) -> int:
        """Of the next frame in its chain; the keyframe's where it was overtaken."""
        return max(self._position, self.chain.first if self.chain else 0)

    @position.setter
    def position(self, position: int) -> None:
        self._position = position

    @property
    def has_frames(self) -> bool:
        """Whether frames wait."""
        return self.chain is not None and self.position < self.chain.end

    def take_letters(self) -> list[dict[str, Any] | bytes]:
        """All messages that others get too; they wait no longer."""
        letters = list(self._letters.values())
        self._letters.clear()
        return letters

    async def next(self) -> dict[str, Any] | bytes:
        """The next thing to send; messages go before frames."""
        while True:
            if self._own:
                return self._own.pop(next(iter(self._own)))
            if self.wire is None and self._letters:
                return self._letters.pop(next(iter(self._letters)))
            if self.wire is None and (frame := self._next_frame()) is not None:
                return frame
            self._woken.clear()
            await self._woken.wait()

    def _next_frame(self) -> bytes | None:
        if self.chain is None or not self.has_frames:
            return None
        position = self.position
        self._position = position + 1
        return self.chain.frames[position - self.chain.first]
