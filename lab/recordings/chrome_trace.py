"""A recording as events of the Trace Event Format, for Perfetto and chrome://tracing.

    process 1 "engine", track "steps"       a slice a step: tokens, requests
    process 1, counters                     KV-cache blocks, requests, scheduled tokens
    process 2 "requests", a track each      slices waiting, prefill, decode, preempted

Times are microseconds since the first trace. The format (October 2016):
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
Pure.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from lab.recordings.recording import Recording
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, StepTrace, TraceKind

Event = dict[str, Any]
ENGINE, REQUESTS = 1, 2
STEPS_TRACK = 1
COUNTERS_EVERY_US = 50_000.0


def trace_events(recording: Recording) -> Iterator[Event]:
    """Metadata first, then the events in order of their ends."""
    header = recording.header
    about = (header.model, header.device, header.machine, header.date[:10])
    engine = "engine · " + " · ".join(filter(None, about))
    yield _metadata("process_name", ENGINE, 0, engine)
    yield _metadata("process_sort_index", ENGINE, 0, ENGINE)
    yield _metadata("process_name", REQUESTS, 0, "requests")
    yield _metadata("process_sort_index", REQUESTS, 0, REQUESTS)
    yield _metadata("thread_name", ENGINE, STEPS_TRACK, "steps")
    yield from _Reader(recording).events()


def _metadata(what: str, process: int, track: int, value: str | int) -> Event:
    key = "sort_index" if what.endswith("sort_index") else "name"
    return {
        "name": what, "ph": "M", "pid": process, "tid": track, "args": {key: value},
    }  # fmt: skip


class _Reader:
    """Follows a recording from trace to trace."""

    def __init__(self, recording: Recording) -> None:
        header = recording.header
        self._recording = recording
        self._mirror = PoolMirror(header.num_blocks, header.block_size)
        self._began_ns = 0
        self._open: dict[int, tuple[str, float]] = {}
        """Of each live request: what it does, and since when."""
        self._counters_due = 0.0
        self._step: StepTrace | None = None
        """The last that scheduled anything."""

    def events(self) -> Iterator[Event]:
        now = 0.0
        for number, trace in enumerate(self._recording.traces()):
            if not self._mirror.follows(trace):
                continue
            if not number:
                self._began_ns = trace.header.stamp_ns
            now = self._at(trace)
            yield from self._one_step(trace)
            finished = self._mirror.apply(trace)
            yield from self._changes(trace, finished, now)
            if now >= self._counters_due:
                self._counters_due = now + COUNTERS_EVERY_US
                yield from self._counters(trace, now)
        for short_id, (what, since) in self._open.items():
            yield _slice(what, short_id, since, now, {"goes_on": True})

    def _at(self, trace: StepTrace) -> float:
        return (trace.header.stamp_ns - self._began_ns) / 1e3

    def _one_step(self, trace: StepTrace) -> Iterator[Event]:
        """The step before this one, whose end is known where this one serves one of
        the same requests: else the engine may have waited between them."""
        if trace.header.kind is not TraceKind.SCHEDULE or not trace.scheduled.shape[1]:
            return
        before, self._step = self._step, trace
        if before is None or trace.header.step != before.header.step + 1:
            return
        if not np.isin(trace.scheduled[0], before.scheduled[0]).any():
            return
        since = self._at(before)
        yield {
            "name": f"step {before.header.step}",
            "ph": "X",
            "pid": ENGINE,
            "tid": STEPS_TRACK,
            "ts": since,
            "dur": self._at(trace) - since,
            "args": {
                "num_requests": before.scheduled.shape[1],
                "num_scheduled_tokens": int(before.scheduled[1].sum()),
                "num_waiting": before.header.num_waiting,
            },
        }

    def _changes(
        self, trace: StepTrace, finished: list[RequestMirror], now: float
    ) -> Iterator[Event]:
        for request in finished:
            what, since = self._open.pop(request.short_id, ("waiting", now))
            facts = _facts(request) | {"finish": request.finish.name.lower()}
            yield _slice(what, request.short_id, since, now, facts)
        touched = {*trace.requests[:, 0].tolist(), *trace.scheduled[0].tolist()}
        for short_id in sorted(touched & self._mirror.requests.keys()):
            request = self._mirror.requests[short_id]
            what = _doing(request)
            if short_id not in self._open:
                name = f"request {short_id:03x}"
                yield _metadata("thread_name", REQUESTS, short_id, name)
                self._open[short_id] = (what, now)
            elif self._open[short_id][0] != what:
                before, since = self._open[short_id]
                yield _slice(before, short_id, since, now, _facts(request))
                self._open[short_id] = (what, now)

    def _counters(self, trace: StepTrace, now: float) -> Iterator[Event]:
        mirror = self._mirror
        refs, hashes = mirror.ref_cnt[1:], mirror.has_hash[1:]  # block 0 is null
        used, shared = int((refs == 1).sum()), int((refs > 1).sum())
        cached = int(((refs == 0) & hashes).sum())
        blocks = {
            "used": used,
            "shared": shared,
            "cached": cached,
            "free": len(refs) - used - shared - cached,
        }
        header = trace.header
        requests = {"running": header.num_running, "waiting": header.num_waiting}
        losses = {
            "evictions": header.num_evictions,
            "preemptions": header.num_preemptions,
        }
        tokens = int(trace.scheduled[1].sum()) if trace.scheduled.size else 0
        for name, values in (
            ("KV-cache blocks", blocks),
            ("requests", requests),
            ("tokens in the step", {"scheduled": tokens}),
            ("so far", losses),
        ):
            yield {
                "name": name, "ph": "C", "pid": ENGINE, "tid": 0, "ts": now,
                "args": values,
            }  # fmt: skip


def _doing(request: RequestMirror) -> str:
    if request.state is RequestState.WAITING:
        return "waiting"
    if request.state is RequestState.PREEMPTED:
        return "preempted"
    is_prefill = (
        request.num_scheduled_tokens > 1
        or request.num_computed_tokens <= request.num_prompt_tokens
    )
    return "prefill" if is_prefill else "decode"


def _facts(request: RequestMirror) -> dict[str, Any]:
    return {
        "num_prompt_tokens": request.num_prompt_tokens,
        "num_cached_tokens": request.num_cached_tokens,
        "num_computed_tokens": request.num_computed_tokens,
        "num_preemptions": request.num_preemptions,
    }


def _slice(
    what: str, short_id: int, since: float, until: float, facts: dict[str, Any]
) -> Event:
    return {
        "name": what, "ph": "X", "pid": REQUESTS, "tid": short_id, "ts": since,
        "dur": max(0.0, until - since), "args": facts,
    }  # fmt: skip
