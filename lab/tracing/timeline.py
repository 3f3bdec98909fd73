"""Timeline: what each request did in each step, as bars. Pure.

Fed with the same StepTraces as the mirror, after it. ``told()`` is the JSON that the
pages draw (static/js/lab/timeline/): of each step its number and when it was scheduled,
of each request its spans in steps::

    {"steps": [numbers], "at_ms": [of each, since began], "end_ms": …,
     "began_ms": Unix ms of the first trace, or of the first step that is kept,
     "num_waiting": [of each step],
     "requests": [{"id", "prompt", "cached", "preemptions", "again", "finish",
                   "spans": [[kind, first step, step after the last, tokens a step]]}]}

Steps count from 0 here. A span of prefill or recompute is one chunk, one of decode as
many steps as followed each other, of one token each. In a step between spans a request
runs and was given no token.

Where records were lost, their steps are missing: the numbers leave a gap. Bounded by
steps, and by time where that is asked for: the oldest ones go, and with them the
requests that had a part in no other.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, StepTrace, TraceKind


class Span(IntEnum):
    """What a request does."""

    QUEUED = 0
    PREFILL = 1
    DECODE = 2
    PREEMPTED = 3
    RECOMPUTED = 4
    """Computes what it had before it was preempted, in all or some of the chunk."""


WAITS = {RequestState.WAITING: Span.QUEUED, RequestState.PREEMPTED: Span.PREEMPTED}


class _Step(NamedTuple):
    number: int
    stamp_ns: int
    num_waiting: int


@dataclass(slots=True)
class _Row:
    request: RequestMirror
    spans: deque[list[int]] = field(default_factory=deque)
    high: int = 0
    """The most tokens computed so far."""
    num_again: int = 0
    """Tokens that it computed again."""
    waits_since: tuple[Span, int] | None = None

    def chunk(self, step: int, tokens: int, after: int) -> None:
        """It computed so many tokens in this step."""
        kind = Span.PREFILL
        again = max(0, min(self.high, after) - (after - tokens))
        self.num_again += again
        if again:
            kind = Span.RECOMPUTED
        elif tokens == 1 and after > self.request.num_prompt_tokens:
            kind = Span.DECODE
        self.high = max(self.high, after)
        last = self.spans[-1] if self.spans else None
        if kind is Span.DECODE and last and last[0] == kind and last[2] == step:
            last[2] = step + 1
        else:
            self.spans.append([kind, step, step + 1, tokens])

    def wait(self, kind: Span | None, step: int) -> None:
        """From before this step on it waits, or no longer."""
        if self.waits_since is not None and self.waits_since[0] is not kind:
            waited, since = self.waits_since
            if step > since:
                self.spans.append([waited, since, step, 0])
            self.waits_since = None
        if kind is not None and self.waits_since is None:
            self.waits_since = kind, step

    def forget(self, first: int) -> None:
        """Spans that end before this step."""
        while self.spans and self.spans[0][2] <= first:
            self.spans.popleft()

    def spans_from(self, first: int, end: int) -> list[list[int]]:
        """Its spans with steps from ``first`` on, which is 0 then."""
        spans = [list(span) for span in self.spans]
        if self.waits_since is not None and end > self.waits_since[1]:
            waited, since = self.waits_since
            spans.append([waited, since, end, 0])
        return [
            [kind, max(0, since - first), until - first, tokens]
            for kind, since, until, tokens in spans
            if until > first
        ]


class Timeline:
    """Follows one engine run."""

    def __init__(self, most_steps: int, most_ns: int | None = None) -> None:
        self._most_steps, self._most_ns = most_steps, most_ns
        self.steps: deque[_Step] = deque()
        self._first = 0
        """Steps that are forgotten."""
        self._rows: dict[int, _Row] = {}
        """By short id, in the order in which they came."""
        self._ended: list[tuple[int, _Row]] = []
        """Short id and row of those that are gone."""
        self._began_ns: int | None = None
        self._end_ns = 0

    def note(
        self, trace: StepTrace, finished: Iterable[RequestMirror], mirror: PoolMirror
    ) -> None:
        """Take one trace in that ``mirror`` has applied; ``finished`` is what it
        returned."""
        header = trace.header
        self._end_ns = header.stamp_ns
        if self._began_ns is None:
            self._began_ns = header.stamp_ns
        at = self._first + len(self.steps)
        for gone in finished:
            self._end(gone, at)
        if header.kind is TraceKind.SNAPSHOT:  # records before it may be lost
            for short_id in self._rows.keys() - mirror.requests.keys():
                self._end(self._rows[short_id].request, at)
        self._look(trace, mirror, at)
        if header.kind is not TraceKind.SCHEDULE or not trace.scheduled.size:
            return
        self.steps.append(_Step(header.step, header.stamp_ns, header.num_waiting))
        for short_id, tokens, after in trace.scheduled.T.tolist():
            row = self._rows.get(short_id)
            if row is not None:
                row.chunk(at, tokens, after)
        self._forget_old()

    def _end(self, request: RequestMirror, at: int) -> None:
        row = self._rows.pop(request.short_id, None)
        if row is not None:
            row.request = request
            row.wait(None, at)
            self._ended.append((request.short_id, row))

    def _look(self, trace: StepTrace, mirror: PoolMirror, at: int) -> None:
        for short_id in trace.requests[:, 0].tolist():
            request = mirror.requests.get(short_id)
            if request is None:
                continue
            row = self._rows.get(short_id)
            if row is None:
                row = self._rows[short_id] = _Row(request)
                if trace.header.kind is TraceKind.SNAPSHOT:
                    row.high = request.num_computed_tokens
            row.request = request
            row.wait(WAITS.get(request.state), at)

    def _forget_old(self) -> None:
        steps, before = self.steps, self._first
        since = 0 if self._most_ns is None else self._end_ns - self._most_ns
        while len(steps) > self._most_steps or steps[0].stamp_ns < since:
            steps.popleft()
            self._first += 1
        if self._first == before:
            return
        self._began_ns = steps[0].stamp_ns if steps else self._end_ns
        for _, row in self._ended:
            row.forget(self._first)
        self._ended = [one for one in self._ended if one[1].spans]
        for row in self._rows.values():
            row.forget(self._first)

    def told(self) -> dict[str, Any]:
        """See above."""
        first, end = self._first, self._first + len(self.steps)
        began_ns = self._began_ns or 0
        rows = [*self._ended, *self._rows.items()]
        told = [(row, row.spans_from(first, end)) for _, row in sorted(rows, key=_id)]
        return {
            "steps": [step.number for step in self.steps],
            "at_ms": [_ms(step.stamp_ns - began_ns) for step in self.steps],
            "end_ms": _ms(self._end_ns - began_ns),
            "began_ms": _ms(began_ns),
            "num_waiting": [step.num_waiting for step in self.steps],
            "requests": [_told(row, spans) for row, spans in told if spans],
        }


def _id(one: tuple[int, _Row]) -> int:
    return one[0]


def _ms(ns: int) -> float:
    return round(ns / 1e6, 2)


def _told(row: _Row, spans: list[list[int]]) -> dict[str, Any]:
    request = row.request
    return {
        "id": request.short_id,
        "prompt": request.num_prompt_tokens,
        "cached": request.num_cached_tokens,
        "preemptions": request.num_preemptions,
        "again": row.num_again,
        "finish": request.finish.name.lower(),
        "spans": spans,
    }
