"""Figures of a stretch of steps, and how far two stretches have the same blocks. Pure.

Both sides of a what-if are StepTraces from a snapshot on, so that both are counted by
the same lines: what the engine recorded is measured, what was rehearsed is vLLM's own
scheduler's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean
from typing import Any

from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import PLACED, STATE_MASK, RequestState, StepTrace, TraceKind


@dataclass
class Figures:
    """Of one stretch; None where there was nothing to count."""

    num_steps: int = 0
    """In which tokens were computed."""
    num_tokens: int = 0
    """Computed."""
    num_twice: int = 0
    """Of them: computed before by the same request, which was preempted since."""
    num_query_tokens: int = 0
    """Looked up in the prefix cache as requests were admitted."""
    num_hit_tokens: int = 0
    num_evictions: int = 0
    num_preemptions: int = 0
    mean_wait_steps: float | None = None
    """From arrival to first step, of those that came and had one; in steps."""
    most_wait_steps: int | None = None
    most_running: int = 0
    most_blocks: int = 0
    """In use at once, the null block left out."""
    num_ended: int = 0

    def to_json(self) -> dict[str, Any]:
        """All of them."""
        return asdict(self)


@dataclass
class _Counting:
    figures: Figures
    mirror: PoolMirror
    high: dict[int, int] = field(default_factory=dict)
    """The most computed tokens of each request so far."""
    arrived: dict[int, int] = field(default_factory=dict)
    """Steps so far as it came, of those that wait for their first one."""
    waits: list[int] = field(default_factory=list)

    def take(self, trace: StepTrace) -> None:
        rows = self._rows(trace)
        self._requests(trace)
        self.figures.num_ended += len(self.mirror.apply(trace))
        header, figures = trace.header, self.figures
        figures.most_running = max(figures.most_running, header.num_running)
        in_use = self.mirror.num_blocks - 1 - header.num_free_blocks
        figures.most_blocks = max(figures.most_blocks, in_use)
        if rows:
            figures.num_steps += 1
            self._scheduled(rows)

    def _rows(self, trace: StepTrace) -> list[list[int]]:
        """Short id, tokens and computed tokens after the step that it tells of."""
        rows: list[list[int]] = trace.scheduled.T.tolist()
        if trace.header.kind is not TraceKind.SNAPSHOT:
            return rows
        # One that stands for a step tells where everybody is, not how they got there.
        live = self.mirror.requests
        before = {one.short_id: one.num_computed_tokens for one in live.values()}
        grown = [[one, after - before.get(one, 0), after] for one, _, after in rows]
        return [row for row in grown if row[1] > 0]

    def _requests(self, trace: StepTrace) -> None:
        steps = self.figures.num_steps
        for short_id, word, _, _ in trace.requests.tolist():
            state = word & STATE_MASK
            if word & PLACED:
                continue
            if state == RequestState.WAITING and short_id not in self.mirror.requests:
                self.arrived[short_id] = steps
            elif state == RequestState.RUNNING and short_id in self.arrived:
                self.waits.append(steps - self.arrived.pop(short_id))

    def _scheduled(self, rows: list[list[int]]) -> None:
        for short_id, tokens, after in rows:
            high = self.high.get(short_id, 0)
            self.figures.num_tokens += tokens
            self.figures.num_twice += max(0, min(high, after) - (after - tokens))
            self.high[short_id] = max(high, after)


def figures_of(
    traces: Sequence[StepTrace], num_blocks: int, block_size: int
) -> Figures:
    """From the snapshot that the traces begin with to the last of them."""
    counting = _Counting(Figures(), PoolMirror(num_blocks, block_size))
    counting.mirror.apply(traces[0])
    for request in counting.mirror.requests.values():
        counting.high[request.short_id] = request.num_computed_tokens
    for trace in traces[1:]:
        counting.take(trace)
    figures, first, last = counting.figures, traces[0].header, traces[-1].header
    figures.num_evictions = last.num_evictions - first.num_evictions
    figures.num_preemptions = last.num_preemptions - first.num_preemptions
    figures.num_query_tokens = last.prefix_query_tokens - first.prefix_query_tokens
    figures.num_hit_tokens = last.prefix_hit_tokens - first.prefix_hit_tokens
    if counting.waits:
        figures.mean_wait_steps = round(mean(counting.waits), 2)
        figures.most_wait_steps = max(counting.waits)
    return figures


@dataclass
class Comparison:
    """Block tables of two stretches, step by step."""

    num_compared: int = 0
    """Block ids."""
    num_differing: int = 0
    first: str = ""
    """Where they differ first."""


def compare(
    recorded: Sequence[StepTrace],
    rehearsed: Sequence[StepTrace],
    num_blocks: int,
    block_size: int,
) -> Comparison:
    """Each id of each live request's block table after each step, and where requests
    wait, stand or were computed: a request that is elsewhere counts as differing."""
    ours, theirs = (
        _steps(traces, num_blocks, block_size) for traces in (recorded, rehearsed)
    )
    found = Comparison()
    for step, told in ours:
        got: Tables = next(theirs, (step, {}))[1]
        for short_id in told.keys() | got.keys():
            before, after = told.get(short_id, ()), got.get(short_id, ())
            longer = max(len(before), len(after))
            same = sum(a == b for a, b in zip(before, after, strict=False))
            found.num_compared += longer
            found.num_differing += longer - same
            if longer > same and not found.first:
                found.first = (
                    f"Step {step}, request {short_id}: recorded {list(before)[1:]}, "
                    f"rehearsed {list(after)[1:]}."
                )
    return found


Tables = dict[int, tuple[int, ...]]
"""Of each request its computed tokens and the block ids of its tables."""


def _steps(
    traces: Sequence[StepTrace], num_blocks: int, block_size: int
) -> Iterator[tuple[int, Tables]]:
    """The number of each step, and what was after it."""
    mirror, step = PoolMirror(num_blocks, block_size), traces[0].header.step
    for trace in traces:
        mirror.apply(trace)
        if trace.header.step != step:
            step = trace.header.step
            yield (
                step,
                {
                    request.short_id: (
                        request.num_computed_tokens,
                        *[block for table in request.tables() for block in table],
                    )
                    for request in mirror.requests.values()
                },
            )
