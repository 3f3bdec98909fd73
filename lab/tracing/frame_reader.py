"""FrameReader: frames in, the requests and the pool of that moment out. Pure.

The opposite of FrameEncoder, for Python: docs/frame-format.md draws every byte. It
reads what requests hold; which blocks have a hash is left to the browser's reader.
"""

import struct
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lab.tracing.frame_counters import FrameCounters, counters_of
from lab.tracing.frames import HEADER, KEYFRAME, PLAIN_VERSION
from lab.tracing.trace import LOW_WORD, RequestState

_U32 = struct.Struct("<I")
_DTYPES = {1: "u1", 2: "<u2", 4: "<u4"}
Column = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One live request as of a frame; never changed, so that it can be kept."""

    short_id: int
    state: RequestState
    num_prompt_tokens: int
    num_cached_tokens: int = 0
    num_computed_tokens: int = 0
    """Tokens whose KV is computed, or scheduled to be in the step in flight."""
    block_ids: tuple[int, ...] = ()
    """Of the first KV-cache group."""


class Seen(NamedTuple):
    """One engine as of one frame."""

    step: int
    counters: FrameCounters
    requests: tuple[SeenRequest, ...]
    """Live ones, in ascending order of their short ids."""


def sequence_of(frame: bytes) -> int:
    """``seq`` of a frame."""
    return int(_U32.unpack_from(frame, 20)[0])


class FrameReader:
    """Follows the frames of one engine; they must be whole (the hub's are)."""

    def __init__(self) -> None:
        self._chain: tuple[int, int] | None = None
        self._requests: dict[int, SeenRequest] = {}

    @property
    def sequence(self) -> int | None:
        """``seq`` of the last frame; None before the first."""
        return None if self._chain is None else self._chain[1]

    def apply(self, frame: bytes) -> Seen | None:
        """What is so after this frame; None, and nothing taken, where it builds on
        another than the last one."""
        fields = HEADER.unpack_from(frame)
        kind, engine_run, sequence, base, step = fields[3], *fields[6:10]
        if kind == KEYFRAME:
            self._requests = {}
        elif self._chain != (engine_run, base):
            return None
        self._chain = engine_run, sequence
        body = _Body(frame, HEADER.size + fields[-1])
        self._take(body, body.num_groups() if fields[2] > PLAIN_VERSION else 0)
        live = tuple(self._requests[one] for one in sorted(self._requests))
        return Seen(step, counters_of(frame), live)

    def _take(self, body: "_Body", num_groups: int) -> None:
        """``num_groups``: 0 where the format has no groups."""
        requests, gone = self._requests, []
        for short_id, state, prompt, cached, _ in body.rows(5):
            is_new = short_id not in requests
            before = SeenRequest(short_id, RequestState.WAITING, prompt)
            now = replace(
                before if is_new else requests[short_id],
                state=RequestState(state & 15),
                num_prompt_tokens=prompt,
                num_cached_tokens=cached,
            )
            if now.state is RequestState.PREEMPTED:
                now = replace(now, num_computed_tokens=0, block_ids=())
            elif now.state is RequestState.FINISHED:
                gone.append(short_id)
            requests[short_id] = now
        self._take_tables(body)
        for group in range(num_groups):
            if group:
                body.tables()
            for short_id, index, block_id in body.replaced():
                if group == 0:
                    table = list(requests[short_id].block_ids)
                    table[index] = block_id
                    requests[short_id] = replace(
                        requests[short_id], block_ids=tuple(table)
                    )
        for short_id, _, increment in body.rows(3):
            computed = requests[short_id].num_computed_tokens + increment
            requests[short_id] = replace(
                requests[short_id], num_computed_tokens=computed & LOW_WORD
            )
        for short_id in gone:
            del requests[short_id]

    def _take_tables(self, body: "_Body") -> None:
        """Of the first group."""
        requests = self._requests
        for short_id, start, block_ids in body.tables():
            kept = requests[short_id].block_ids[:start]
            requests[short_id] = replace(
                requests[short_id], block_ids=(*kept, *block_ids)
            )


class _Body:
    """The sections of a frame, read one after the other."""

    def __init__(self, frame: bytes, at: int) -> None:
        self._frame, self._at = frame, at

    def rows(self, num_columns: int) -> list[list[int]]:
        """The rows of a section: its first column ascends."""
        count = self._u32()
        if not count:
            return []
        columns = [self._ascending(count)]
        columns += [self._column(count) for _ in range(num_columns - 1)]
        return [list(row) for row in np.stack(columns, axis=1).tolist()]

    def num_groups(self) -> int:
        """How many KV-cache groups are told; past them."""
        count = self._u32()
        for _ in range(4):
            self._column(count)
        return count

    def replaced(self) -> list[list[int]]:
        """Short id, logical index, and the block that has that place now."""
        count = self._u32()
        if not count:
            return []
        rows = np.stack([self._column(count) for _ in range(3)], axis=1)
        return [list(row) for row in rows.tolist()]

    def tables(self) -> list[tuple[int, int, list[int]]]:
        """Short id, logical index to cut at, and the block ids from there on."""
        rows = self.rows(5)
        count = self._u32()
        own = self._column(count).tolist() if count else []
        parts: list[list[int]] = []
        at = 0
        for _, _, length, source, copied in rows:
            num_own = length - copied
            beginning = parts[source][:copied] if copied else []
            parts.append([*beginning, *own[at : at + num_own]])
            at += num_own
        return [(row[0], row[1], part) for row, part in zip(rows, parts, strict=True)]

    def _u32(self) -> int:
        (number,) = _U32.unpack_from(self._frame, self._at)
        self._at += _U32.size
        return int(number)

    def _ascending(self, count: int) -> Column:
        numbers = np.full(count, self._u32(), np.int64)
        if count > 1:
            numbers[1:] += np.cumsum(self._column(count - 1))
        return numbers

    def _column(self, count: int) -> Column:
        width = self._frame[self._at]
        self._at += 1
        if width == 0:
            return np.full(count, self._u32(), np.int64)
        numbers = np.frombuffer(self._frame, _DTYPES[width], count, self._at)
        self._at += count * width
        return numbers.astype(np.int64)
