"""The engine's counters while something runs: sampled from its newest frames."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from lab.experiments.looking import EVERY_S, Looking
from lab.experiments.outcome import Plot, Series
from lab.tracing.frame_counters import FrameCounters

Counters = Callable[[], FrameCounters | None]


class Watching(Looking):
    """Samples until its context ends; a frame that was seen before counts once."""

    def __init__(self, counters: Counters, every_s: float = EVERY_S) -> None:
        super().__init__(every_s)
        self._counters = counters
        self.samples: list[FrameCounters] = []

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if error is None:
            await asyncio.sleep(self._every_s)  # the frame of the last step
        self.look()

    def look(self) -> None:
        """Sample, if there is a new frame."""
        counters = self._counters()
        if counters is not None and self.samples[-1:] != [counters]:
            self.samples.append(counters)

    # What was seen

    @property
    def num_evictions(self) -> int | None:
        """Blocks evicted meanwhile; None where the engine was started anew."""
        return self._grown([one.num_evictions for one in self.samples])

    @property
    def num_preemptions(self) -> int | None:
        """Preemptions meanwhile, of all requests in the engine."""
        return self._grown([one.num_preemptions for one in self.samples])

    @staticmethod
    def _grown(counts: list[int]) -> int | None:
        if not counts or counts[-1] < counts[0]:
            return None
        return counts[-1] - counts[0]

    @property
    def max_waiting(self) -> int | None:
        """Most requests seen waiting at once."""
        return max((one.num_waiting for one in self.samples), default=None)

    @property
    def max_running(self) -> int | None:
        """Most requests seen running at once."""
        return max((one.num_running for one in self.samples), default=None)

    def plot(self, begin_s: float) -> Plot:
        """Requests running and waiting, by seconds since ``begin_s``."""
        seen = [one for one in self.samples if one.stamp_s >= begin_s - self._every_s]
        at = [max(0.0, one.stamp_s - begin_s) for one in seen]
        running = [float(one.num_running) for one in seen]
        waiting = [float(one.num_waiting) for one in seen]
        return Plot(
            "Requests in the engine",
            "seconds",
            "requests",
            [
                Series("running", list(zip(at, running, strict=True)), "ink"),
                Series("waiting", list(zip(at, waiting, strict=True)), "warning"),
            ],
        )
