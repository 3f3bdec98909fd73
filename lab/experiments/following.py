"""Every frame of an engine while something runs, read in the web process."""

import asyncio
from collections.abc import Callable, Sequence

from lab.allocators.observed import Observed
from lab.experiments.looking import EVERY_S, Looking
from lab.tracing.frame_reader import FrameReader, sequence_of

LAST_FRAME_S = 3.0
"""A frame with the end of the last request comes within a keyframe's time."""
Frames = Callable[[], Sequence[bytes]]
"""The newest keyframe of an engine and every delta since."""


class Following(Looking):
    """Reads on until its context ends."""

    def __init__(self, frames: Frames, every_s: float = EVERY_S) -> None:
        super().__init__(every_s)
        self._frames = frames
        self._reader = FrameReader()
        self.observed = Observed()

    async def until_gone(self, short_ids: Sequence[int]) -> bool:
        """Wait for the frame after which these are not in the engine; False where it
        did not come in time."""
        wanted = set(short_ids)
        for _ in range(round(LAST_FRAME_S / self._every_s)):
            self.look()
            if self._has_seen_end_of(wanted):
                return True
            await asyncio.sleep(self._every_s)
        return False

    def _has_seen_end_of(self, short_ids: set[int]) -> bool:
        served = self.observed.served
        return all(
            one in served and served[one].num_steps is not None for one in short_ids
        )

    def look(self) -> None:
        """Read the frames that are new."""
        frames, last = self._frames(), self._reader.sequence
        new = [one for one in frames if last is None or sequence_of(one) > last]
        for frame in new:
            if (seen := self._reader.apply(frame)) is not None:
                self.observed.note(seen)
