"""Reads recordings, and believes nothing in them before it is checked."""

import dataclasses
import json
import lzma
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.messages import MemorySample
from lab.recordings.columns import from_columns
from lab.recordings.recording import (
    CHUNK_HEAD,
    FILE_HEAD,
    MAGIC,
    VERSION,
    Recording,
    RecordingError,
    RecordingHeader,
)
from lab.tracing.group_notes import GroupLooked
from lab.tracing.notes import Freed, Hashed, LookedUp, notes_of
from lab.tracing.replay_notes import decode_note
from lab.tracing.trace import StepTrace, decode

MIB = 1 << 20
MOST_LOGICAL = 1 << 20
"""Logical blocks of a lookup: with a window the prompt may be longer than the pool."""


@dataclass(frozen=True)
class ReadLimits:
    """What reading a recording may take, in bytes."""

    file: int = 64 * MIB
    chunk: int = 64 * MIB
    """What one chunk may expand to."""
    expanded: int = 512 * MIB
    """What all chunks of a file may expand to."""
    traces: int = 16_000_000


LIMITS = ReadLimits()


def read_recording(
    path: Path, *, allow_cut: bool = False, limits: ReadLimits = LIMITS
) -> Recording:
    """The recording in a file. With ``allow_cut`` one that broke off is read up to
    there. Raises RecordingError, a sentence that names the file."""
    try:
        num_bytes = path.stat().st_size
        file = path.read_bytes() if num_bytes <= limits.file else b""
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}.") from error
    _check_size(num_bytes, str(path), limits)
    return read_bytes(file, str(path), allow_cut=allow_cut, limits=limits)


def read_bytes(
    file: bytes, name: str, *, allow_cut: bool = False, limits: ReadLimits = LIMITS
) -> Recording:
    """read_recording() of a file in memory; sentences begin with ``name``."""
    _check_size(len(file), name, limits)
    try:
        return _Reader(file, allow_cut, limits).recording()
    except _Foreign as error:
        raise RecordingError(f"{name} is not a recording: {error}.") from error
    except _Cut as error:
        raise RecordingError(
            f"{name} is cut short ({error}): the recording broke off, or the file was "
            "not copied whole."
        ) from error
    except DAMAGE as error:
        raise RecordingError(f"{name} is damaged: {error}.") from error


def _check_notes(trace: StepTrace, header: RecordingHeader) -> None:
    """Raise ValueError where a note names what the pool cannot have."""
    most_tokens = header.num_blocks * header.block_size
    for note in notes_of(trace):
        block_ids: Sequence[int] = ()
        if isinstance(note, Hashed):
            block_ids = [note.block_id]
        elif isinstance(note, Freed):
            block_ids = note.block_ids
        if max(block_ids, default=0) >= header.num_blocks:
            raise ValueError(f"a note names a block beyond {header.num_blocks}")
        if isinstance(note, LookedUp):
            num_known = sum(count for _, count in note.known)
            is_known_too_long = num_known * header.block_size > most_tokens
            if is_known_too_long or note.num_tokens > MOST_LOGICAL * header.block_size:
                raise ValueError("a note tells of more tokens than the pool holds")
        if isinstance(note, GroupLooked):
            rows = [*note.hits, *note.known]
            if sum(row.num_blocks for row in rows) > MOST_LOGICAL:
                raise ValueError("a note tells of more blocks than a table has")


DAMAGE = (
    ValueError, TypeError, KeyError, AttributeError, RecursionError, lzma.LZMAError,
)  # fmt: skip
"""What a wrong byte may end in."""


def _check_size(num_bytes: int, name: str, limits: ReadLimits) -> None:
    if num_bytes > limits.file:
        raise RecordingError(
            f"{name} is too large for a recording: at most {limits.file:,} bytes."
        )


class _Foreign(Exception):
    """Not a recording of this version."""


class _Cut(Exception):
    """The file ends before its end chunk."""


class _Reader:
    """Reads the chunks of one file, each checked before it is believed."""

    def __init__(self, file: bytes, allow_cut: bool, limits: ReadLimits) -> None:
        self._file = file
        self._allow_cut = allow_cut
        self._max_chunk = limits.chunk
        self._rest = limits.expanded
        self._traces_left = limits.traces

    def recording(self) -> Recording:
        if self._file[:4] != MAGIC or len(self._file) < FILE_HEAD.size:
            raise _Foreign("it does not start with SVLR")
        _, version = FILE_HEAD.unpack_from(self._file)
        if version != VERSION:
            raise _Foreign(f"it has version {version}, this program reads {VERSION}")
        chunks = self._chunks()
        kind, payload = next(chunks, (b"", b""))
        if kind != b"H":
            raise _Cut("it has no header")
        recording = Recording(RecordingHeader.from_json(payload))
        counts = None
        try:
            counts = self._fill(recording, chunks)
        except _Cut:
            if not self._allow_cut:
                raise
        if counts is None:
            return dataclasses.replace(recording, is_cut=True)
        wanted = {
            "num_traces": len(recording.records),
            "num_samples": len(recording.samples),
        }
        if recording.notes:
            wanted["num_notes"] = len(recording.notes)
        if counts != wanted:
            raise ValueError(f"it ends with {counts} but holds {wanted}")
        return recording

    def _chunks(self) -> Iterator[tuple[bytes, bytes]]:
        at = FILE_HEAD.size
        while at < len(self._file):
            payload_at = at + CHUNK_HEAD.size
            if payload_at > len(self._file):
                raise _Cut("inside a chunk")
            kind, length, crc = CHUNK_HEAD.unpack_from(self._file, at)
            payload = self._file[payload_at : payload_at + length]
            if len(payload) < length:
                raise _Cut("inside a chunk")
            if zlib.crc32(kind + payload) != crc:
                raise ValueError(f"the checksum of the chunk at byte {at} is wrong")
            yield kind, payload
            at = payload_at + length
        raise _Cut("it has no end")

    def _fill(
        self, recording: Recording, chunks: Iterator[tuple[bytes, bytes]]
    ) -> dict[str, int]:
        """Read up to the end chunk and return what it says."""
        for kind, payload in chunks:
            if kind == b"T":
                recording.records.extend(self._records(payload, recording.header))
            elif kind == b"M":
                rows = json.loads(self._unpacked(payload))
                recording.samples.extend(MemorySample.from_json(row) for row in rows)
            elif kind == b"R":
                recording.notes.extend(self._notes(payload))
            elif kind == b"E":
                return dict(json.loads(payload))
            else:
                raise ValueError(f"it has a chunk of unknown kind {kind!r}")
        raise _Cut("it has no end")

    def _records(self, payload: bytes, header: RecordingHeader) -> list[bytes]:
        columns = self._unpacked(payload)
        self._traces_left -= int.from_bytes(columns[:4], "little")
        if self._traces_left < 0:
            raise ValueError("it has more traces than are read")
        records = from_columns(columns)
        for record in records:
            trace = decode(record)
            ids = [trace.blocks[0], *(table.block_ids for table in trace.tables)]
            if any(len(part) and part.max() >= header.num_blocks for part in ids):
                raise ValueError(f"a trace names a block beyond {header.num_blocks}")
            _check_notes(trace, header)
        return records

    def _notes(self, payload: bytes) -> Iterator[bytes]:
        plain, at = self._unpacked(payload), 0
        while at < len(plain):
            size = 4 * int.from_bytes(plain[at : at + 4], "little")
            record = plain[at : at + size]
            decode_note(record)
            yield record
            at += size

    def _unpacked(self, payload: bytes) -> bytes:
        """The plain bytes; ValueError when they are more than a recording may hold."""
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=64 << 20)
        limit = min(self._max_chunk, self._rest)
        plain = decompressor.decompress(payload, max_length=limit)
        if not decompressor.eof:
            raise ValueError(f"a chunk is incomplete or expands beyond {limit} bytes")
        self._rest -= len(plain)
        return plain
