"""Keeper: records for learners, several at once, and hands over what they recorded.

It lives in the engine host's process beside the Recorder of ``manage.py record``, and
like that one is told what to do from Celery's control thread and what happens from the
host's loop. A recording that ends goes to the worker that has the database and the
storage; nothing of it stays here (docs/adr/0024-recordings-handed-over.md).
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.messages import EngineStatus, MemorySample
from lab.recordings import limits
from lab.recordings.recorder import Session, header_of
from lab.recordings.recording import SUFFIX, RecordingError, RecordingWriter
from lab.tracing.trace import StepTrace, decode
from lab.worker.last_minute import LastMinute

MAX_AT_ONCE = 4
"""Of all learners: each takes some of the engine's cores to compress."""
CLOSING_TRACES = 2_000
"""That may still come between two looks at the tap."""
BUSY = (
    f"{MAX_AT_ONCE} recordings of this engine are being made, which is the limit. Try "
    "again when one has ended."
)
NOTHING = "Nothing was recorded: the engine took no step meanwhile."
NO_MINUTE = "The engine has taken no step yet, so that there is no last minute."
LATE = f"It ended by itself after {limits.MAX_S / 60:g} minutes, the limit."
FULL = "It ended by itself: it had as many steps as a recording may hold."
NOT_WRITTEN = "The engine's machine could not write the recording: its log says why."
TOO_LARGE = (
    f"The recording became larger than {limits.MAX_BYTES >> 20} MB, which is the "
    "limit: record a shorter stretch."
)

HandOver = Callable[[str, bytes, str], None]
"""Takes a recording's id, its file, and a sentence: why there is no file, or why it
ended by itself."""


class Keeper:
    """At most MAX_AT_ONCE recordings, by their ids."""

    def __init__(
        self,
        directory: Path,
        ask_snapshot: Callable[[], None],
        hand_over: HandOver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``directory`` is this process's own: what an earlier one left goes."""
        shutil.rmtree(directory, ignore_errors=True)
        self._directory = directory
        self._ask_snapshot = ask_snapshot
        self._hand_over = hand_over
        self._clock = clock
        self._status: EngineStatus | None = None
        self._sessions: dict[str, Session] = {}
        self._last_minute = LastMinute(ask_snapshot, clock)

    # From the control thread

    def command(self, action: str, recording_id: str) -> dict[str, Any]:
        """Do "start", "stop", or "last": keep the last minute; the reply is the
        Recorder's."""
        try:
            if action == "start":
                self._start(recording_id)
            elif action == "last":
                self._keep_last_minute(recording_id)
            elif action == "stop" and recording_id in self._sessions:
                self._sessions[recording_id].stop()
        except RecordingError as error:
            return {"state": "refused", "error": str(error)}
        session = self._sessions.get(recording_id)
        return session.reply() if session else {"state": "idle"}

    def _start(self, recording_id: str) -> None:
        if len(self._sessions) >= MAX_AT_ONCE:
            raise RecordingError(BUSY)
        path = self._directory / (recording_id + SUFFIX)
        writer = RecordingWriter(path, header_of(self._status))
        self._sessions[recording_id] = Session(
            writer,
            limits.MAX_S,
            self._clock,
            max_bytes=limits.MAX_BYTES - limits.CLOSING_BYTES,
            max_plain_bytes=limits.MAX_PLAIN_BYTES,
            max_traces=limits.MAX_TRACES - CLOSING_TRACES,
        )

    def _keep_last_minute(self, recording_id: str) -> None:
        items = self._last_minute.items()
        if not any(is_trace for is_trace, _ in items):
            raise RecordingError(NO_MINUTE)
        self._start(recording_id)
        session = self._sessions[recording_id]
        session.needs_snapshot = False
        for is_trace, record in items:
            if is_trace:
                session.add_trace(record, decode(record))
            else:
                session.add_note(record)
        session.stop()

    # From the host's loop

    def on_status(self, status: EngineStatus) -> None:
        """The newest status: its facts go into the header."""
        self._status = status

    def on_engine_start(self) -> None:
        """Another engine run has other short ids: recordings end before it."""
        self._status = None
        self._last_minute.on_engine_start()
        for session in self._all:
            session.stop()

    def on_trace(self, record: bytes, trace: StepTrace) -> None:
        """One StepTrace, in order."""
        self._last_minute.on_trace(record, trace)
        for session in self._all:
            if session.is_open:
                session.add_trace(record, trace)

    def on_replay_note(self, record: bytes) -> None:
        """What a replay needs of the StepTrace that comes next."""
        self._last_minute.on_replay_note(record)
        for session in self._all:
            if session.is_open:
                session.add_note(record)

    def on_memory(self, sample: MemorySample) -> None:
        """One memory sample."""
        for session in self._all:
            if session.is_open:
                session.add_memory(sample)

    def on_poll(self) -> None:
        """After every look at the tap: begin, end in time, hand over."""
        for recording_id, session in list(self._sessions.items()):
            session.end_in_time()
            if session.needs_snapshot:
                session.needs_snapshot = False
                self._ask_snapshot()
            if not session.is_open and session.writer.is_done:
                del self._sessions[recording_id]
                self._pass_on(recording_id, session)

    def close(self) -> None:
        """End what is under way, whole as far as it came, and hand it over."""
        for recording_id, session in list(self._sessions.items()):
            session.stop()
            session.writer.wait()
            del self._sessions[recording_id]
            self._pass_on(recording_id, session)

    @property
    def under_way(self) -> list[str]:
        """Ids of those that have not been handed over."""
        return list(self._sessions)

    @property
    def _all(self) -> list[Session]:
        """A copy: the control thread adds to them."""
        return list(self._sessions.values())

    def _pass_on(self, recording_id: str, session: Session) -> None:
        writer = session.writer
        if writer.error is not None:
            sentence = NOT_WRITTEN if session.has_begun else NOTHING
            self._hand_over(recording_id, b"", sentence)
            return
        file = writer.path.read_bytes()
        writer.path.unlink()
        if len(file) > limits.MAX_BYTES:
            self._hand_over(recording_id, b"", TOO_LARGE)
        else:
            self._hand_over(recording_id, file, _why(session))


def _why(session: Session) -> str:
    """Why it ended, where its learner did not stop it."""
    if session.is_full:
        return FULL
    return LATE if session.is_late else ""
