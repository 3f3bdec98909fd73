"""Showing: what the lab's page asks a host for, of the traces so far: the timeline of
the last minute, and hits and age of the cached blocks.

Told in the host's loop. Viewers that ask within FRESH_S of each other hear the same.
"""

import time
from collections.abc import Callable
from typing import Any

from lab.tracing.chronicle import Chronicle
from lab.tracing.heat import heat_of
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.timeline import Timeline
from lab.tracing.trace import StepTrace

FRESH_S = 0.5
MOST_STEPS = 3_000
MINUTE_NS = 60 * 10**9


class Showing:
    """Of one engine run."""

    def __init__(
        self,
        engine_host_id: str,
        engine_run: int,
        chronicle: Chronicle,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named = {"engine_host_id": engine_host_id, "engine_run": engine_run}
        self._chronicle = chronicle
        self._clock = clock
        self._timeline = Timeline(MOST_STEPS, MINUTE_NS)
        self._step = 0
        self._told: dict[tuple[str, int], dict[str, Any]] = {}
        self._told_at = float("-inf")

    def note(
        self, trace: StepTrace, finished: list[RequestMirror], mirror: PoolMirror
    ) -> None:
        """One trace, after the chronicle."""
        self._timeline.note(trace, finished, mirror)
        self._step = trace.header.step

    def show(self, what: str, since: int = 0) -> dict[str, Any] | None:
        """The message "timeline" or "heat"; None for anything else. ``since``: see
        heat_of()."""
        now = self._clock()
        if now - self._told_at >= FRESH_S:
            self._told_at = now
            self._told.clear()
        key = what, since
        if key not in self._told:
            told = self._tell(what, since)
            if told is None:
                return None
            self._told[key] = {"type": what, **self._named, **told}
        return self._told[key]

    def _tell(self, what: str, since: int) -> dict[str, Any] | None:
        match what:
            case "timeline":
                return {"step": self._step, **self._timeline.told()}
            case "heat":
                return heat_of(self._chronicle.ledger, self._step, since)
            case _:
                return None
