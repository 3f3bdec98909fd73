"""How long a request will wait in vLLM's queue, from what the engine did of late. Pure.

The queue is played forward in steps: a request begins when one of the places in the
batch is free and its prompt's blocks are, behind those before it; then the prompts
before it are computed, ``budget`` tokens a step. A step lasts what recent ones lasted.

How long an answer becomes is known where it ignores its end (demonstrations). Of others
recent answers tell: one with k tokens goes on as far as those that got beyond k did on
the average. Where none did, only max_tokens bounds it, and the wait is a bound too.

Not played: who comes meanwhile with a smaller priority, preemption, prefix hits.
"""

import heapq
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, StepTrace, TraceKind

RECENT_STEPS = 64
MIN_STEPS = 8
"""Fewer tell nothing."""
RECENT_ANSWERS = 64
MAX_STEP_S = 5.0
"""A longer pause between two steps is no step."""


@dataclass(frozen=True, slots=True)
class AnswerLength:
    """What is known of an answer's length before it is there."""

    max_tokens: int
    is_exact: bool = False
    """Whether it ignores its end, and has just so many."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds until a request begins."""

    seconds: float
    is_bound: bool = False
    """Whether it is what the wait comes to at most."""


Lengths = Mapping[int, AnswerLength]
"""By short id; those that are not in it are learnt from recent answers alone."""


class WaitForecast:
    """Learns from each trace; asked now and then."""

    def __init__(self, max_running: int, budget: int) -> None:
        """``max_running`` is vLLM's max_num_seqs, ``budget`` max_num_batched_tokens."""
        self._max_running = max_running
        self._budget = budget
        self._steps_s: deque[float] = deque(maxlen=RECENT_STEPS)
        self._answers: deque[int] = deque(maxlen=RECENT_ANSWERS)
        self._last: tuple[int, int] | None = None
        """Step and stamp of the last SCHEDULE record that had work."""

    def note(
        self, trace: StepTrace, finished: list[RequestMirror], lengths: Lengths
    ) -> None:
        """A trace that the mirror has applied, and what ended in it."""
        if trace.header.kind is TraceKind.SCHEDULE:
            self._note_step(trace)
        for request in finished:
            known = lengths.get(request.short_id)
            if _num_output(request) and not (known and known.is_exact):
                self._answers.append(_num_output(request))

    def _note_step(self, trace: StepTrace) -> None:
        header = trace.header
        if self._last is not None and header.step == self._last[0] + 1:
            seconds = (header.stamp_ns - self._last[1]) / 1e9
            if 0 < seconds < MAX_STEP_S:
                self._steps_s.append(seconds)
        has_work = trace.scheduled.shape[1] > 0
        self._last = (header.step, header.stamp_ns) if has_work else None

    def waits(self, mirror: PoolMirror, lengths: Lengths) -> dict[int, Wait]:
        """Of the requests in the queue, as far as anything is known."""
        if len(self._steps_s) < MIN_STEPS or mirror.header is None:
            return {}
        step_s = fmean(self._steps_s)
        return {
            short_id: Wait(steps * step_s, is_bound)
            for short_id, (steps, is_bound) in self._played(mirror, lengths).items()
        }

    def _played(
        self, mirror: PoolMirror, lengths: Lengths
    ) -> dict[int, tuple[float, bool]]:
        """Steps until each waiting request begins, and whether that is a bound."""
        batch = _Batch(mirror)
        for request in mirror.requests.values():
            if request.state is RequestState.RUNNING:
                left = self._tokens_left(request, lengths)
                if left is None:
                    return {}
                batch.add(request.num_computed_tokens, *left)
        batch.count_free()
        begins: dict[int, tuple[float, bool]] = {}
        for short_id in mirror.waiting:
            request = mirror.requests[short_id]
            batch.wait_for(self._max_running, request.num_prompt_tokens)
            begins[short_id] = batch.now, batch.is_bound
            batch.now += request.num_prompt_tokens / self._budget
            left = self._tokens_left(request, lengths)
            if left is None:
                break
            batch.add(request.num_prompt_tokens, *left)
        return begins

    def _tokens_left(
        self, request: RequestMirror, lengths: Lengths
    ) -> tuple[float, bool] | None:
        """Tokens until the request ends, and whether that is a bound."""
        known, so_far = lengths.get(request.short_id), _num_output(request)
        most = known.max_tokens - so_far if known else None
        if most is not None and known and known.is_exact:
            return float(max(0, most)), False
        beyond = [answer - so_far for answer in self._answers if answer > so_far]
        if beyond:
            mean = fmean(beyond)
            return (mean if most is None else min(mean, max(0, most))), False
        return None if most is None else (float(max(0, most)), True)


class _Batch:
    """Who runs at a step of the play, and the blocks they take."""

    def __init__(self, mirror: PoolMirror) -> None:
        self.now = 0.0
        self.is_bound = False
        """Whether a bound decided anything so far."""
        self._block_size = mirror.block_size
        self._free_now = mirror.header.num_free_blocks if mirror.header else 0
        self._usable = math.inf
        self._running: list[tuple[float, float, bool]] = []
        """Heap of (step in which it ends, tokens it has then, whether a bound)."""

    def add(self, num_tokens: int, left: float, is_bound: bool) -> None:
        """One that begins now with so many tokens and so many to come."""
        heapq.heappush(self._running, (self.now + left, num_tokens + left, is_bound))

    def count_free(self) -> None:
        """All blocks but those that nobody here can free; shared ones count for each,
        as they do when they are given back."""
        self._usable = self._free_now + self._taken()

    def wait_for(self, max_running: int, num_tokens: int) -> None:
        """Go on to the step in which a prompt of so many tokens finds room."""
        need = self._blocks(num_tokens)
        while self._running and (
            len(self._running) >= max_running or self._usable - self._taken() < need
        ):
            ends, _, is_bound = heapq.heappop(self._running)
            self.now = max(self.now, ends)
            self.is_bound = self.is_bound or is_bound

    def _taken(self) -> int:
        return sum(
            self._blocks(tokens - max(0.0, ends - self.now))
            for ends, tokens, _ in self._running
        )

    def _blocks(self, num_tokens: float) -> int:
        return math.ceil(num_tokens / self._block_size)


def _num_output(request: RequestMirror) -> int:
    """Tokens of its answer so far; the last one's KV is not computed yet."""
    computed = request.num_computed_tokens
    return max(0, computed - request.num_prompt_tokens + 1)
