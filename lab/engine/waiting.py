"""What the host tells those who wait in vLLM's queue: place, and about how long."""

import time
from collections.abc import Callable

from lab.engine.generation import GenerationRequest
from lab.tracing.forecast import AnswerLength, Wait, WaitForecast
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import StepTrace

LOOK_EVERY_S = 1.0
LOOKS_A_REQUEST_S = 0.05
"""Each that waits is told what is new: of many they are looked at less often."""


class WaitingLine:
    """The queue of one engine run; from the host's loop only."""

    def __init__(
        self,
        max_running: int,
        budget: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.num_waiting = 0
        """At the last look."""
        self._forecast = WaitForecast(max_running, budget)
        self._lengths: dict[int, AnswerLength] = {}
        self._waits: dict[int, Wait] = {}
        self._clock = clock
        self._due = 0.0

    def join(self, short_id: int, request: GenerationRequest) -> None:
        """A request goes to the engine."""
        self._lengths[short_id] = AnswerLength(request.max_tokens, request.ignore_eos)

    def leave(self, short_id: int) -> None:
        """It has ended."""
        self._lengths.pop(short_id, None)

    def note(self, trace: StepTrace, finished: list[RequestMirror]) -> None:
        """A trace that the mirror has applied."""
        self._forecast.note(trace, finished, self._lengths)

    def look(self, mirror: PoolMirror) -> None:
        """Forecast anew, if it is time."""
        now = self._clock()
        if now < self._due or not mirror.waiting:
            return
        self.num_waiting = len(mirror.waiting)
        self._due = now + max(LOOK_EVERY_S, LOOKS_A_REQUEST_S * self.num_waiting)
        self._waits = self._forecast.waits(mirror, self._lengths)

    def wait_of(self, short_id: int) -> Wait | None:
        """Rounded; None where nothing is known."""
        wait = self._waits.get(short_id)
        if wait is None:
            return None
        return Wait(about(wait.least_s), about(wait.most_s), wait.is_bound)


def about(seconds: float) -> float:
    """As exact as a forecast is: whole seconds up to 10, then fives, then tens."""
    if seconds < 10:
        return float(max(1, round(seconds)))
    step = 5 if seconds < 60 else 10
    return float(step * round(seconds / step))
