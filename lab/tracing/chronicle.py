"""Chronicle: what happened lately, which a mirror of the present does not tell.

Fed with the same StepTraces as the mirror, after it. Bounded: the last NUM_EVENTS of
each kind, the counts of the last minute, and two numbers a block. Pure.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lab.live_state import MINUTE_S, NUM_EVENTS
from lab.tracing.groups import NULL_BLOCK
from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.sampled_tokens import SampledTokens
from lab.tracing.trace import EVICTED, RequestState, StepTrace, TraceKind

MOMENT_NS = 20_000_000
"""An engine on a card takes a thousand steps a second: the last minute has not a moment
for each."""
NOBODY = -1
"""In a column of numbers: not known."""


@dataclass(slots=True)
class Life:
    """When a request came and began; None where that was not seen."""

    arrived_ns: int | None = None
    began_ns: int | None = None
    num_preemptions: int = 0


@dataclass(slots=True)
class Ended:
    """A request that finished, as it was then."""

    request: RequestMirror
    life: Life
    num_reached_tokens: int
    step: int
    stamp_ns: int


class Evicted(NamedTuple):
    """See lab.live_state.Eviction."""

    block_id: int
    step: int
    stamp_ns: int
    taken_by: int | None


class Preempted(NamedTuple):
    """See lab.live_state.Preemption."""

    short_id: int
    step: int
    stamp_ns: int


class Moment(NamedTuple):
    """What the traces of MOMENT_NS count, stamped as the last of them."""

    stamp_ns: int
    num_steps: int
    num_sampled: int
    num_evictions: int
    num_preemptions: int
    num_arrived: int
    num_finished: int


class Chronicle:
    """Follows one engine run."""

    def __init__(self, num_blocks: int) -> None:
        self.lives: dict[int, Life] = {}
        self.ended: deque[Ended] = deque(maxlen=NUM_EVENTS)
        self.evictions: deque[Evicted] = deque(maxlen=NUM_EVENTS)
        self.preemptions: deque[Preempted] = deque(maxlen=NUM_EVENTS)
        self.moments: deque[Moment] = deque()
        self.sampled = SampledTokens()
        self.ledger = Ledger()
        self.taken_by: npt.NDArray[np.int64] = np.full(num_blocks, NOBODY, np.int64)
        self.taken_step: npt.NDArray[np.int64] = np.full(num_blocks, NOBODY, np.int64)
        self.evicted_step: npt.NDArray[np.int64] = np.full(num_blocks, NOBODY, np.int64)
        self.began_ns: int | None = None
        """When the first trace was taken."""
        self.step_ns: int | None = None
        """Between the last two steps; None where the engine was idle between."""
        self.step_tokens = 0
        """Of the last step,"""
        self.step_requests = 0
        """and its requests."""
        self._scheduled_ns: int | None = None

    def note(
        self, trace: StepTrace, finished: list[RequestMirror], mirror: PoolMirror
    ) -> None:
        """Take one trace in that ``mirror`` has applied; ``finished`` is what it
        returned."""
        header = trace.header
        self.began_ns = self.began_ns or header.stamp_ns
        self.ledger.note(trace, mirror)
        self._note_tables(trace)
        if header.kind is TraceKind.SNAPSHOT:
            self._begin(mirror)
            return
        num_arrived, num_preempted = self._note_requests(trace)
        num_sampled = self._note_step(trace, mirror)
        num_evicted = self._note_evictions(trace)
        for request in finished:
            self._end(request, trace)
        self._add(
            Moment(
                header.stamp_ns,
                int(header.kind is TraceKind.SCHEDULE),
                num_sampled,
                num_evicted,
                num_preempted,
                num_arrived,
                len(finished),
            )
        )

    def _begin(self, mirror: PoolMirror) -> None:
        """A snapshot: traces before it may have been lost."""
        self.lives = {
            short_id: self.lives.get(short_id)
            or Life(num_preemptions=request.num_preemptions)
            for short_id, request in mirror.requests.items()
        }
        self.sampled.begin(mirror.requests)
        self._scheduled_ns = None

    def _note_tables(self, trace: StepTrace) -> None:
        is_snapshot = trace.header.kind is TraceKind.SNAPSHOT
        for table in trace.tables:
            ids = table.block_ids[table.block_ids != NULL_BLOCK]
            if is_snapshot:
                ids = ids[self.taken_by[ids] != table.short_id]
            self.taken_by[ids] = table.short_id
            self.taken_step[ids] = NOBODY if is_snapshot else trace.header.step

    def _note_requests(self, trace: StepTrace) -> tuple[int, int]:
        """How many arrived, and how many were preempted."""
        header, num_arrived, num_preempted = trace.header, 0, 0
        for short_id, word, _, _ in trace.requests.tolist():
            state = word & 0xFF
            life = self.lives.get(short_id)
            if life is None:
                if state == RequestState.FINISHED:
                    continue
                life = self.lives[short_id] = Life(header.stamp_ns)
                num_arrived += 1
            if state == RequestState.RUNNING and life.began_ns is None:
                life.began_ns = header.stamp_ns
            if word >> 16 > life.num_preemptions:
                life.num_preemptions = word >> 16
                num_preempted += 1
                self.preemptions.append(
                    Preempted(short_id, header.step, header.stamp_ns)
                )
        return num_arrived, num_preempted

    def _note_step(self, trace: StepTrace, mirror: PoolMirror) -> int:
        """The last step's size and time; how many tokens it samples."""
        header = trace.header
        if header.kind is not TraceKind.SCHEDULE:
            if not header.num_running:
                self._scheduled_ns = None
            return 0
        before, self._scheduled_ns = self._scheduled_ns, header.stamp_ns
        self.step_ns = None if before is None else header.stamp_ns - before
        self.step_tokens = int(trace.scheduled[1].sum())
        self.step_requests = trace.scheduled.shape[1]
        return self.sampled.count(trace, mirror.requests)

    def _note_evictions(self, trace: StepTrace) -> int:
        block_ids, states = trace.blocks
        evicted = block_ids[(states & EVICTED) != 0].tolist()
        if not evicted:
            return 0
        takers = {
            block_id: table.short_id
            for table in trace.tables
            for block_id in table.block_ids.tolist()
        }
        header = trace.header
        for block_id in evicted:
            taker = takers.get(block_id)
            self.evictions.append(
                Evicted(block_id, header.step, header.stamp_ns, taker)
            )
        self.evicted_step[evicted] = header.step
        return len(evicted)

    def _end(self, request: RequestMirror, trace: StepTrace) -> None:
        life = self.lives.pop(request.short_id, None) or Life()
        reached = self.sampled.reached(request.short_id)
        self.sampled.forget(request.short_id)
        header = trace.header
        self.ended.append(Ended(request, life, reached, header.step, header.stamp_ns))

    def _add(self, moment: Moment) -> None:
        since = moment.stamp_ns - int(MINUTE_S * 1e9)
        while self.moments and self.moments[0].stamp_ns < since:
            self.moments.popleft()
        if self.moments and _slot(self.moments[-1]) == _slot(moment):
            _, *before = self.moments.pop()
            sums = (one + other for one, other in zip(before, moment[1:], strict=True))
            moment = Moment(moment.stamp_ns, *sums)
        self.moments.append(moment)


def _slot(moment: Moment) -> int:
    return moment.stamp_ns // MOMENT_NS
