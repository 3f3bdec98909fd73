"""Recorder: writes down what one engine host does, for a number of seconds.

It lives in the engine host's process. ``command`` is called from Celery's control
thread; everything else from the host's loop, and returns at once. The reply of a
command is JSON::

    state      idle · waiting (for the first snapshot) · recording · writing · done ·
               failed · refused
    path       where the recording lies, or will
    error      a sentence, when failed or refused
    num_traces, num_samples, num_bytes, seconds_left
"""

import contextlib
import datetime
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.messages import EngineStatus, MemorySample
from lab.recordings.library import RECORDING_ID
from lab.recordings.recording import (
    SUFFIX,
    RecordingError,
    RecordingHeader,
    RecordingWriter,
)
from lab.tracing.trace import StepTrace, TraceKind

MAX_SECONDS = 3600.0
MAX_WAIT_S = 300.0
"""How long to wait for the first step: an idle engine takes none."""
MAX_TRAFFIC_CHARS = 80


def written_words(reply: dict[str, Any]) -> str:
    """Where a recording that is done lies, and what is in it."""
    return (
        f"{reply['path']}: {reply['num_traces']} traces, "
        f"{reply['num_samples']} memory samples, {reply['num_bytes']:,} bytes."
    )


def header_of(status: EngineStatus | None, traffic: str = "") -> RecordingHeader:
    """What stands above a recording of this engine, as of now; raises RecordingError
    where there is no pool of blocks yet."""
    if status is None or not (status.num_blocks and status.block_size):
        raise RecordingError("The engine is not ready yet: there is no block pool.")
    return RecordingHeader(
        engine_host_id=status.engine_host_id,
        engine_run=status.engine_run,
        num_blocks=status.num_blocks,
        block_size=status.block_size,
        machine=status.machine,
        device=status.device,
        model=status.model_in_words,
        versions=dict(status.versions),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        traffic=traffic,
        phases=[asdict(phase) for phase in status.phases if phase.seconds is not None],
    )


class Recorder:
    """At most one recording at a time."""

    def __init__(
        self,
        directory: Path,
        ask_snapshot: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._ask_snapshot = ask_snapshot
        self._clock = clock
        self._status: EngineStatus | None = None
        self._session: Session | None = None

    # From the control thread

    def command(
        self, action: str, name: str = "", seconds: float = 0.0, traffic: str = ""
    ) -> dict[str, Any]:
        """Do "start", "stop" or "state"; returns the reply drawn above."""
        try:
            if action == "start":
                self._session = self._start(name, seconds, traffic)
            elif action == "stop" and self._session is not None:
                self._session.stop()
            elif action not in ("stop", "state"):
                raise RecordingError(
                    f"Action {action!r} is none of start, stop, state."
                )
        except RecordingError as error:
            return {"state": "refused", "error": str(error)}
        return self._session.reply() if self._session else {"state": "idle"}

    def _start(self, name: str, seconds: float, traffic: str) -> "Session":
        if not RECORDING_ID.fullmatch(name):
            raise RecordingError(
                f"The name {name!r} is not allowed: up to 64 letters, digits, _ and -."
            )
        if not 0 < seconds <= MAX_SECONDS:
            raise RecordingError(
                f"{seconds:g} seconds cannot be recorded: up to {MAX_SECONDS:g}."
            )
        if self._session is not None and self._session.is_open:
            raise RecordingError(f"{self._session.writer.path.name} is being recorded.")
        path = self._directory / (name + SUFFIX)
        if path.exists():
            raise RecordingError(f"{path} exists: choose another name.")
        header = header_of(self._status, traffic[:MAX_TRAFFIC_CHARS])
        return Session(RecordingWriter(path, header), seconds, self._clock)

    def close(self) -> None:
        """End the recording and wait until its file is whole (shutdown)."""
        if self._session is not None:
            self._session.stop()
            with contextlib.suppress(RecordingError):  # the reply tells it
                self._session.writer.close()

    # From the host's loop

    def on_status(self, status: EngineStatus) -> None:
        """The newest status: its facts go into the header."""
        self._status = status

    def on_engine_start(self) -> None:
        """Another engine run has other short ids: a recording ends before it."""
        self._status = None
        if self._session is not None:
            self._session.stop()

    def on_trace(self, record: bytes, trace: StepTrace) -> None:
        """One StepTrace, in order."""
        if self._session is not None and self._session.is_open:
            self._session.add_trace(record, trace)

    def on_replay_note(self, record: bytes) -> None:
        """What a replay needs of the StepTrace that comes next."""
        if self._session is not None and self._session.is_open:
            self._session.add_note(record)

    def on_memory(self, sample: MemorySample) -> None:
        """One memory sample."""
        if self._session is not None and self._session.is_open:
            self._session.add_memory(sample)

    def on_poll(self) -> None:
        """After every look at the tap: begin and end in time."""
        session = self._session
        if session is None:
            return
        session.end_in_time()
        if session.needs_snapshot:
            session.needs_snapshot = False
            self._ask_snapshot()


class Session:
    """One recording under way; it ends in time, or when its file has ``max_bytes`` or
    its traces before compression ``max_plain_bytes``, or with ``max_traces``."""

    def __init__(
        self,
        writer: RecordingWriter,
        seconds: float,
        clock: Callable[[], float],
        max_bytes: float = math.inf,
        max_plain_bytes: float = math.inf,
        max_traces: float = math.inf,
    ) -> None:
        self.writer = writer
        self._clock = clock
        self.is_open = True
        self.is_full = self.is_late = False
        """Why it ended, where nobody stopped it."""
        self.needs_snapshot = True
        """Whether the first record is still to be asked for."""
        self._seconds = seconds
        self._max_bytes, self._max_plain_bytes = max_bytes, max_plain_bytes
        self._max_traces = max_traces
        self._num_plain_bytes = 0
        self._begins_by = clock() + MAX_WAIT_S
        self._ends_at: float | None = None
        self._first_note: bytes | None = None
        """Of the snapshot that it may begin with."""

    def end_in_time(self) -> None:
        """Stop when its seconds are over, its file is full, or nothing was there to
        begin with."""
        if not self.is_open:
            return
        self.is_late = self._clock() >= (self._ends_at or self._begins_by)
        self.is_full = (
            self.writer.num_bytes >= self._max_bytes
            or self._num_plain_bytes >= self._max_plain_bytes
            or self.writer.num_traces >= self._max_traces
        )
        if self.is_late or self.is_full:
            self.stop()

    def add_trace(self, record: bytes, trace: StepTrace) -> None:
        if self._ends_at is None:
            if trace.header.kind is not TraceKind.SNAPSHOT:
                return
            self._ends_at = self._clock() + self._seconds
            if self._first_note is not None:
                self.add_note(self._first_note)
        self.writer.add_trace(record)
        self._num_plain_bytes += len(record)

    def add_note(self, record: bytes) -> None:
        if self._ends_at is None:
            self._first_note = record
            return
        self.writer.add_note(record)
        self._num_plain_bytes += len(record)

    def add_memory(self, sample: MemorySample) -> None:
        if self._ends_at is not None:
            self.writer.add_memory(sample)

    def stop(self) -> None:
        if not self.is_open:
            return
        self.is_open = self.needs_snapshot = False
        if self._ends_at is None:
            self.writer.discard("the engine took no step, so there was nothing to tell")
        else:
            self.writer.end()

    @property
    def has_begun(self) -> bool:
        """Whether its first snapshot has come."""
        return self._ends_at is not None

    def reply(self) -> dict[str, Any]:
        writer = self.writer
        reply: dict[str, Any] = {
            "state": self._state(),
            "path": str(writer.path),
            "num_traces": writer.num_traces,
            "num_samples": writer.num_samples,
            "num_bytes": writer.num_bytes,
        }
        if self._ends_at is not None:
            reply["seconds_left"] = max(0.0, self._ends_at - self._clock())
        if writer.error is not None:
            reply["error"] = str(writer.error)
        return reply

    def _state(self) -> str:
        if self.writer.error is not None:
            return "failed"
        if self.is_open:
            return "waiting" if self._ends_at is None else "recording"
        return "done" if self.writer.is_done else "writing"
