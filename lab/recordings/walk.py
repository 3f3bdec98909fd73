"""Walk: what an engine host would have said at any step of a recording.

Goes along the StepTraces with a mirror and a chronicle, as the host did. Backwards it
goes on from a copy that was kept on the way; it lives in a process's memory, so that
whoever scrubs through a recording asks it again and again.
"""

import copy
from threading import Lock
from typing import Any

from lab.live_state import LiveState
from lab.recordings.recording import Recording
from lab.tracing.chronicle import Chronicle
from lab.tracing.heat import heat_of
from lab.tracing.mirror import PoolMirror
from lab.tracing.observation import Observer
from lab.tracing.replay_notes import ReplaySettings, decode_note
from lab.tracing.trace import StepTrace, decode

COPY_EVERY = 2_000
"""Traces between two copies."""
MOST_COPIES = 24


class Walk:
    """Of one recording; from any thread."""

    def __init__(self, recording: Recording, copy_every: int = COPY_EVERY) -> None:
        self._header = recording.header
        self._records = recording.records
        first = decode(self._records[0]) if self._records else None
        self.has_notes = first is not None and len(first.notes) > 0
        """Whether its traces tell hashes and lookups."""
        self.settings = _settings_of(recording)
        """The scheduler's; None where the recording does not tell them."""
        self._copy_every = max(copy_every, len(self._records) // MOST_COPIES)
        self._copies: dict[int, tuple[PoolMirror, Chronicle]] = {}
        self._lock = Lock()
        self._restart()

    def _restart(self) -> None:
        size = self._header.num_blocks, self._header.block_size
        self._at = 0
        """Traces that are taken in."""
        self._mirror = PoolMirror(*size)
        self._chronicle = Chronicle(self._header.num_blocks)

    def at(self, step: int) -> tuple[LiveState | None, dict[str, Any]]:
        """The state at the end of ``step``, None before the first, and what heat_of()
        says of it."""
        with self._lock:
            self._go(step)
            header, number = self._header, self._mirror.header
            observer = Observer(
                header.engine_host_id,
                header.engine_run,
                self._mirror,
                self._chronicle,
            )
            now_s = number.stamp_ns / 1e9 if number else 0.0
            reached = number.step if number else 0
            return observer.observe(now_s=now_s), heat_of(
                self._chronicle.ledger, reached
            )

    def _go(self, step: int) -> None:
        if self._mirror.header is not None and self._mirror.header.step > step:
            self._go_back(step)
        while self._at < len(self._records):
            trace = decode(self._records[self._at])
            if trace.header.step > step and self._at:
                return
            self._take(trace)

    def _go_back(self, step: int) -> None:
        before = [
            at
            for at, (mirror, _) in self._copies.items()
            if mirror.header is not None and mirror.header.step <= step
        ]
        if not before:
            self._restart()
            return
        self._at = max(before)
        self._mirror, self._chronicle = copy.deepcopy(self._copies[self._at])

    def _take(self, trace: StepTrace) -> None:
        if self._mirror.follows(trace):
            finished = self._mirror.apply(trace)
            self._chronicle.note(trace, finished, self._mirror)
        self._at += 1
        if self._at % self._copy_every == 0 and self._at not in self._copies:
            self._copies[self._at] = copy.deepcopy((self._mirror, self._chronicle))


def _settings_of(recording: Recording) -> ReplaySettings | None:
    told = (decode_note(record).settings for record in recording.notes)
    return next(filter(None, told), None)
