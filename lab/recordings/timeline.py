"""A recording as bars: what each request did in each step. Pure.

The JSON that the replay page draws (static/js/lab/timeline/): of each step its number
and when it was scheduled, of each request its spans in steps::

    {"steps": [numbers], "at_ms": [since the first trace], "end_ms": …,
     "num_waiting": [of each step],
     "requests": [{"id", "prompt", "cached", "preemptions", "again", "finish",
                   "spans": [[kind, first step, step after the last, tokens a step]]}]}

Steps count from 0 here. A span of prefill or recompute is one chunk, one of decode as
many steps as followed each other, of one token each. In a step between spans a request
runs and was given no token.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from lab.recordings.recording import Recording
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, StepTrace, TraceKind

MOST_STEPS = 100_000


class Span(IntEnum):
    """What a request does."""

    QUEUED = 0
    PREFILL = 1
    DECODE = 2
    PREEMPTED = 3
    RECOMPUTED = 4
    """Computes what it had before it was preempted, in all or some of the chunk."""


WAITS = {RequestState.WAITING: Span.QUEUED, RequestState.PREEMPTED: Span.PREEMPTED}


@dataclass
class _Row:
    request: RequestMirror
    spans: list[list[int]] = field(default_factory=list)
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


def timeline_of(recording: Recording) -> dict[str, Any]:
    """See above; at most MOST_STEPS steps, the first ones."""
    header = recording.header
    drawing = _Drawing(PoolMirror(header.num_blocks, header.block_size))
    for trace in recording.traces():
        if len(drawing.steps) >= MOST_STEPS:
            break
        if drawing.mirror.follows(trace):
            drawing.take(trace)
    return drawing.told()


class _Drawing:
    def __init__(self, mirror: PoolMirror) -> None:
        self.mirror = mirror
        self.steps: list[int] = []
        self._at_ms: list[float] = []
        self._num_waiting: list[int] = []
        self._rows: dict[int, _Row] = {}
        """Of all requests, in the order in which they came."""
        self._began_ns: int | None = None
        self._end_ms = 0.0

    def take(self, trace: StepTrace) -> None:
        header = trace.header
        if self._began_ns is None:
            self._began_ns = header.stamp_ns
        self._end_ms = (header.stamp_ns - self._began_ns) / 1e6
        is_step = header.kind is TraceKind.SCHEDULE and trace.scheduled.size > 0
        at = len(self.steps)
        for gone in self.mirror.apply(trace):
            if gone.short_id in self._rows:
                self._rows[gone.short_id].wait(None, at)
        self._look(trace, at)
        if not is_step:
            return
        self.steps.append(header.step)
        self._at_ms.append(round(self._end_ms, 2))
        self._num_waiting.append(header.num_waiting)
        for short_id, tokens, after in trace.scheduled.T.tolist():
            self._rows[short_id].chunk(at, tokens, after)

    def _look(self, trace: StepTrace, at: int) -> None:
        for short_id in trace.requests[:, 0].tolist():
            request = self.mirror.requests.get(short_id)
            if request is None:
                continue
            row = self._rows.get(short_id)
            if row is None:
                row = self._rows[short_id] = _Row(request)
                if trace.header.kind is TraceKind.SNAPSHOT:
                    row.high = request.num_computed_tokens
            row.request = request
            row.wait(WAITS.get(request.state), at)

    def told(self) -> dict[str, Any]:
        for row in self._rows.values():
            row.wait(None, len(self.steps))
        return {
            "steps": self.steps,
            "at_ms": self._at_ms,
            "end_ms": round(self._end_ms, 2),
            "num_waiting": self._num_waiting,
            "requests": [_told(row) for row in self._rows.values() if row.spans],
        }


def _told(row: _Row) -> dict[str, Any]:
    request = row.request
    return {
        "id": request.short_id,
        "prompt": request.num_prompt_tokens,
        "cached": request.num_cached_tokens,
        "preemptions": request.num_preemptions,
        "again": row.num_again,
        "finish": request.finish.name.lower(),
        "spans": row.spans,
    }
