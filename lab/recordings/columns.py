"""A stretch of StepTraces as columns that compress well, exactly reversible. Pure.

Records of one kind of engine resemble their neighbours word by word, so the words are
sorted into streams: header fields as differences from the record before, table and
block ids, scheduled counts, and computed tokens as the difference from what the
counts so far let expect. Each stream is laid out byte plane by byte plane.

    uint32 number of records, then per stream: uint32 number of words, 4 byte planes

Streams: header words 1..19 (19 streams, the length of a record follows from the
others); request rows (4); short_id, place and length of table changes (3); their block
ids; scheduled short ids; scheduled tokens; surprise in computed tokens; block ids;
block states; where a record has notes, how many words of them each has, and these.
"""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lab.tracing.trace import (
    HEADER_WORDS,
    LOW_WORD,
    NOTED,
    StepTrace,
    TraceError,
    Words,
    decode,
)

_U32 = struct.Struct("<I")
_NUM_STREAMS = (HEADER_WORDS - 1) + 4 + 3 + 1 + 3 + 2
_NUM_NOTE_STREAMS = 2
"""Left out where no record has a note, as in recordings made before there were any."""


def to_columns(records: Sequence[bytes]) -> bytes:
    """The streams of raw records; raises TraceError when one is not a StepTrace."""
    traces = [decode(record) for record in records]
    headers = np.array(
        [np.frombuffer(record, "<u4", HEADER_WORDS) for record in records], np.uint32
    ).reshape(-1, HEADER_WORDS)
    differences = np.diff(headers, axis=0, prepend=np.zeros((1, HEADER_WORDS), "u4"))
    tables = [table for trace in traces for table in trace.tables]
    rows = np.array([(t.short_id, t.place, len(t.block_ids)) for t in tables], "<u4")
    streams = [
        *differences.T[1:],
        *_joined([trace.requests for trace in traces]).reshape(-1, 4).T,
        *rows.reshape(-1, 3).T,
        _joined([table.block_ids for table in tables]),
        _joined([trace.scheduled[0] for trace in traces]),
        _joined([trace.scheduled[1] for trace in traces]),
        _surprises(traces),
        _joined([trace.blocks[0] for trace in traces]),
        _joined([trace.blocks[1] for trace in traces]),
        *_notes([trace.notes for trace in traces]),
    ]
    return _U32.pack(len(records)) + b"".join(_planes(stream) for stream in streams)


def from_columns(columns: bytes) -> list[bytes]:
    """The records of ``to_columns``; raises TraceError when the streams do not fit."""
    try:
        return _Streams(columns).records()
    except (ValueError, IndexError, struct.error) as error:
        raise TraceError(f"The columns of a stretch do not fit: {error}") from error


def _joined(arrays: Sequence[Words]) -> Words:
    if not arrays:
        return np.zeros(0, np.uint32)
    return np.concatenate([array.reshape(-1) for array in arrays])


def _planes(stream: Words) -> bytes:
    words = np.ascontiguousarray(stream, "<u4")
    planes = words.view(np.uint8).reshape(-1, 4).T
    return _U32.pack(len(words)) + planes.tobytes()


def _notes(notes: Sequence[Words]) -> list[Words]:
    """How many words each record with notes has, and the words."""
    lengths = np.array([len(words) for words in notes if len(words)], np.uint32)
    return [lengths, _joined(notes)] if len(lengths) else []


class _Expectation:
    """Computed tokens after a step, as far as the steps before let expect."""

    def __init__(self) -> None:
        self._computed: dict[int, int] = {}

    def surprise(self, short_id: int, scheduled: int, computed: int) -> int:
        expected = self._computed.get(short_id, 0) + scheduled
        self._computed[short_id] = computed
        return (computed - expected) & LOW_WORD

    def computed(self, short_id: int, scheduled: int, surprise: int) -> int:
        expected = self._computed.get(short_id, 0) + scheduled
        computed = (expected + surprise) & LOW_WORD
        self._computed[short_id] = computed
        return computed


def _surprises(traces: Sequence[StepTrace]) -> Words:
    expectation = _Expectation()
    return np.array(
        [
            expectation.surprise(*row)
            for trace in traces
            for row in trace.scheduled.T.tolist()
        ],
        np.uint32,
    )


class _Streams:
    """Takes the streams apart and puts the records together again."""

    def __init__(self, columns: bytes) -> None:
        (self._num_records,) = _U32.unpack_from(columns)
        self._streams = []
        at = 4
        while at < len(columns):
            (count,) = _U32.unpack_from(columns, at)
            planes = np.frombuffer(columns, np.uint8, 4 * count, at + 4)
            words = np.ascontiguousarray(planes.reshape(4, count).T)
            self._streams.append(words.view("<u4").reshape(-1))
            at += 4 + 4 * count
        if len(self._streams) not in (_NUM_STREAMS, _NUM_STREAMS + _NUM_NOTE_STREAMS):
            raise ValueError(f"it has {len(self._streams)} streams")
        self._at = [0] * len(self._streams)

    def _take(self, stream: int, count: int) -> Words:
        start = self._at[stream]
        self._at[stream] = start + count
        words = self._streams[stream][start : start + count]
        if len(words) != count:
            raise ValueError(f"stream {stream} ends early")
        return words

    def records(self) -> list[bytes]:
        num_fields = HEADER_WORDS - 1
        differences = np.stack(self._streams[:num_fields], axis=1)
        if len(differences) != self._num_records:
            raise ValueError(f"{len(differences)} headers for {self._num_records}")
        headers = np.cumsum(differences, axis=0, dtype=np.uint32)
        expectation = _Expectation()
        records = [self._record(header, expectation) for header in headers]
        for stream in range(num_fields, len(self._streams)):
            if self._at[stream] != len(self._streams[stream]):
                raise ValueError(f"stream {stream} has words too many")
        return records

    def _record(self, header: npt.NDArray[np.uint32], seen: _Expectation) -> bytes:
        num_requests, num_tables, num_scheduled, num_blocks = header[-4:].tolist()
        at = HEADER_WORDS - 1
        rows = [self._take(at + i, num_requests) for i in range(4)]
        parts = [np.stack(rows, axis=1).reshape(-1)]
        columns = [self._take(at + 4 + i, num_tables) for i in range(3)]
        for row in np.stack(columns, axis=1):
            parts += [row, self._take(at + 7, int(row[2]))]
        short_ids, scheduled, surprises = (
            self._take(at + 8 + i, num_scheduled) for i in range(3)
        )
        triples = zip(
            short_ids.tolist(), scheduled.tolist(), surprises.tolist(), strict=True
        )
        computed = np.array([seen.computed(*row) for row in triples], np.uint32)
        parts += [short_ids, scheduled, computed]
        parts += [self._take(at + 11, num_blocks), self._take(at + 12, num_blocks)]
        if header[0] & NOTED:
            (length,) = self._take(_NUM_STREAMS, 1)
            parts += [self._take(_NUM_STREAMS + 1, int(length)), np.array([length])]
        body = np.concatenate(parts).astype("<u4").tobytes()
        size = _U32.pack(HEADER_WORDS + len(body) // 4)
        return size + header.astype("<u4").tobytes() + body
