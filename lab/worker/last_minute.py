"""LastMinute: what the engine did in the last minute, ready to be kept as a recording.

It is cut at snapshots, since a recording begins with one: a snapshot is asked for once
a minute while anything happens, and the oldest stretch goes as soon as the others last
a minute. So it holds one to two minutes of work; idle time takes nothing.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.recordings import limits
from lab.tracing.trace import StepTrace, TraceKind

MINUTE_S = 60.0
MOST_BYTES = limits.MAX_PLAIN_BYTES // 2
"""Of the stretches together; of one that is longer alone, nothing is kept."""


@dataclass
class _Stretch:
    """From a snapshot to the next one."""

    began_at: float
    items: list[tuple[bool, bytes]] = field(default_factory=list)
    """Whether it is a StepTrace, and the record; else it is what a replay needs."""
    num_bytes: int = 0
    num_traces: int = 0

    def add(self, is_trace: bool, record: bytes) -> None:
        self.items.append((is_trace, record))
        self.num_bytes += len(record)
        self.num_traces += is_trace


class LastMinute:
    """Told by the host's loop; read by the control thread."""

    def __init__(
        self,
        ask_snapshot: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask_snapshot = ask_snapshot
        self._clock = clock
        self._stretches: deque[_Stretch] = deque()
        self._first_note: bytes | None = None
        """Of the snapshot that comes next, maybe."""
        self._is_asked = False

    def on_engine_start(self) -> None:
        """Another engine run has other short ids."""
        self._stretches = deque()
        self._first_note, self._is_asked = None, False

    def on_replay_note(self, record: bytes) -> None:
        """What a replay needs of the StepTrace that comes next."""
        if self._first_note is not None and self._stretches:
            self._stretches[-1].add(False, self._first_note)
        self._first_note = record

    def on_trace(self, record: bytes, trace: StepTrace) -> None:
        """One StepTrace, in order."""
        now, note = self._clock(), self._first_note
        self._first_note = None
        if trace.header.kind is TraceKind.SNAPSHOT:
            self._is_asked = False
            self._stretches.append(_Stretch(now))
            self._drop(now)
        elif not self._stretches:
            return
        newest = self._stretches[-1]
        if note is not None:
            newest.add(False, note)
        newest.add(True, record)
        is_long = now - newest.began_at >= MINUTE_S
        is_large = (
            newest.num_bytes > MOST_BYTES // 4
            or newest.num_traces > limits.MAX_TRACES // 4
        )
        if (is_long or is_large) and not self._is_asked:
            self._is_asked = True
            self._ask_snapshot()

    def _drop(self, now: float) -> None:
        """Stretches that are older than a minute, or too much."""
        stretches = self._stretches
        while len(stretches) > 1 and (
            now - stretches[1].began_at >= MINUTE_S
            or sum(one.num_bytes for one in stretches) > MOST_BYTES
            or sum(one.num_traces for one in stretches) > limits.MAX_TRACES // 2
        ):
            stretches.popleft()

    def items(self) -> list[tuple[bool, bytes]]:
        """All of it, oldest first; see _Stretch."""
        return [item for stretch in list(self._stretches) for item in stretch.items]
