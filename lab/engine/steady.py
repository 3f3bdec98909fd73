"""Steady records: a step that went on as the one before it, told in fewer words.

In steady decode the same requests are scheduled with one token each, step after step.
The scheduler then leaves out the scheduled columns and marks the record STEADY, since
its thread must do as little as possible; the reader puts them back in.
"""

import numpy as np

from lab.engine.trace import (
    HEADER_WORDS,
    LOW_WORD,
    STEADY,
    TraceError,
    TraceKind,
    Words,
)


class SteadyReader:
    """Writes steady records out in full, from the step before."""

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._columns: Words | None = None
        """Of the last SCHEDULE record, shape [3, S]; None when it was lost."""

    def expand(self, record: bytes) -> bytes | None:
        """The record as trace.decode() reads it; None when it is a steady one and
        the record before it was lost: a snapshot is needed to go on."""
        words = np.frombuffer(record, dtype="<u4")
        if len(words) < HEADER_WORDS:
            raise TraceError(f"A trace record of {len(record)} bytes is cut short.")
        kind, sequence = int(words[1]) & 0xFF, int(words[2])
        if self._sequence is None or sequence != (self._sequence + 1) & LOW_WORD:
            self._columns = None
        self._sequence = sequence
        if kind & STEADY:
            return self._written_out(words)
        if kind == TraceKind.SCHEDULE:
            self._columns = _columns(words)
        elif kind == TraceKind.SNAPSHOT:
            self._columns = None
        return record

    def _written_out(self, words: Words) -> bytes | None:
        if self._columns is None:
            return None
        short_ids, _, computed = self._columns
        ones = np.ones_like(short_ids)
        self._columns = np.stack((short_ids, ones, computed + ones))
        before_blocks = len(words) - 2 * int(words[19])
        full = np.concatenate(
            (words[:before_blocks], self._columns.ravel(), words[before_blocks:])
        )
        full[0] = len(full)
        full[1] &= LOW_WORD ^ STEADY
        full[18] = len(short_ids)
        return full.tobytes()


def _columns(words: Words) -> Words:
    """The scheduled columns of a full record, shape [3, S]."""
    end = len(words) - 2 * int(words[19])
    return words[end - 3 * int(words[18]) : end].reshape(3, -1)
