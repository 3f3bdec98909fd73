"""How long a request will wait in vLLM's queue, from what the engine did of late. Pure.

The queue is played forward in steps: a request begins when one of the places in the
batch is free and its prompt's blocks are, behind those before it; then the prompts
before it are computed, ``budget`` tokens a step. A step lasts what recent ones lasted.

How long an answer becomes is known where it ignores its end (demonstrations). Of others
recent answers tell a span: of those that got beyond its k tokens, how far the shortest
and the longest tenth went. The queue is played with all as short and with all as long,
and the wait lies between. Where fewer than MIN_ANSWERS got so far, the span reaches to
max_tokens, and the wait is a bound.

Not played: who comes meanwhile with a smaller priority, preemption, prefix hits, and
steps that become longer. By how much that put the forecasts wrong of those that have
begun since, the span is widened; before MIN_BEGUN have begun it is not told.
"""

import heapq
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, StepTrace, TraceKind

RECENT_STEPS = 64
MIN_STEPS = 8
"""Fewer tell nothing."""
RECENT_ANSWERS = 64
MIN_ANSWERS = 16
"""Fewer that got as far do not tell how long an answer may become."""
TENTH = 0.1
RECENT_BEGUN, MIN_BEGUN = 64, 8
"""Requests that a forecast was made for and that have begun."""
SHORT_S = 2.0
"""Shorter waits are not told apart: a step that reads a prompt makes most of them."""
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
    """Seconds until a request begins: between two numbers, which are one where all
    lengths are known."""

    least_s: float
    most_s: float
    is_bound: bool = False
    """Whether nothing but the longest answers allowed gave ``most_s``."""


End = Literal["soon", "late"]
"""Which end of the span of an answer's length is played."""
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
        self._forecast: dict[int, tuple[int, Wait]] = {}
        """Of who waits: the stamp of the first forecast, and what it was."""
        self._begun: deque[tuple[Wait, float]] = deque(maxlen=RECENT_BEGUN)
        """What was forecast, and how long it took."""

    def note(
        self, trace: StepTrace, finished: list[RequestMirror], lengths: Lengths
    ) -> None:
        """A trace that the mirror has applied, and what ended in it."""
        if trace.header.kind is TraceKind.SCHEDULE:
            self._note_step(trace)
            self._note_begun(trace)
        for request in finished:
            self._forecast.pop(request.short_id, None)
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

    def _note_begun(self, trace: StepTrace) -> None:
        for short_id in trace.scheduled[0].tolist():
            if told := self._forecast.pop(short_id, None):
                stamp_ns, wait = told
                taken_s = (trace.header.stamp_ns - stamp_ns) / 1e9
                self._begun.append((wait, taken_s))

    def waits(self, mirror: PoolMirror, lengths: Lengths) -> dict[int, Wait]:
        """Of the requests in the queue, as far as anything is known."""
        self._forget_gone(mirror)
        if len(self._steps_s) < MIN_STEPS or mirror.header is None:
            return {}
        step_s = fmean(self._steps_s)
        soon = self._played(mirror, lengths, "soon")
        late = self._played(mirror, lengths, "late")
        waits = {
            short_id: Wait(
                min(soon[short_id][0], steps) * step_s, steps * step_s, bound
            )
            for short_id, (steps, bound) in late.items()
        }
        for short_id, wait in waits.items():
            self._forecast.setdefault(short_id, (mirror.header.stamp_ns, wait))
        known = _all_known(mirror, lengths)
        if len(self._begun) < MIN_BEGUN:
            return {one: wait for one, wait in waits.items() if one in known}
        return {
            one: wait if one in known else self._widened(wait)
            for one, wait in waits.items()
        }

    def _forget_gone(self, mirror: PoolMirror) -> None:
        """Who left the queue in records that were lost neither began nor ended here."""
        waiting = set(mirror.waiting)
        self._forecast = {
            short_id: told
            for short_id, told in self._forecast.items()
            if short_id in waiting
        }

    def _widened(self, wait: Wait) -> Wait:
        """As far as forecasts were wrong of late, but for a tenth at either end."""
        late = sorted(s / max(told.most_s, SHORT_S) for told, s in self._begun)
        soon = sorted(s / max(told.least_s, SHORT_S) for told, s in self._begun)
        return Wait(
            wait.least_s * min(1.0, _share(soon, TENTH)),
            max(wait.most_s, SHORT_S) * max(1.0, _share(late, 1 - TENTH)),
            wait.is_bound,
        )

    def _played(
        self, mirror: PoolMirror, lengths: Lengths, end: End
    ) -> dict[int, tuple[float, bool]]:
        """Steps until each waiting request begins, and whether that is a bound."""
        batch = _Batch(mirror)
        for request in mirror.requests.values():
            if request.state is RequestState.RUNNING:
                left = self._tokens_left(request, lengths, end)
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
            left = self._tokens_left(request, lengths, end)
            if left is None:
                break
            batch.add(request.num_prompt_tokens, *left)
        return begins

    def _tokens_left(
        self, request: RequestMirror, lengths: Lengths, end: End
    ) -> tuple[float, bool] | None:
        """Tokens until the request ends, and whether that is a bound; None where not
        even that is known."""
        known, so_far = lengths.get(request.short_id), _num_output(request)
        most = max(0, known.max_tokens - so_far) if known else math.inf
        if known and known.is_exact:
            return float(most), False
        beyond = sorted(answer - so_far for answer in self._answers if answer > so_far)
        if end == "soon":
            return min(_share(beyond, TENTH), float(most)), False
        if len(beyond) >= MIN_ANSWERS:
            return min(_share(beyond, 1 - TENTH), float(most)), False
        return None if most == math.inf else (float(most), True)


def _all_known(mirror: PoolMirror, lengths: Lengths) -> set[int]:
    """Those in the queue before whom there is nobody whose length is not known."""
    known = {one for one, length in lengths.items() if length.is_exact}
    running = (r for r in mirror.requests.values() if r.state is RequestState.RUNNING)
    found: set[int] = set()
    if all(request.short_id in known for request in running):
        for short_id in mirror.waiting:
            found.add(short_id)
            if short_id not in known:
                break
    return found


def _share(ordered: Sequence[float], share: float) -> float:
    """The number that ``share`` of them do not exceed; 0 of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


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
