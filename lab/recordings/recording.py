"""Recordings: the StepTraces and memory samples of a stretch of real traffic.

A recording holds neither text nor request ids. Layout of the file::

    "SVLR", uint32 version, then chunks: kind (1 byte), uint32 length, uint32 CRC-32
    of kind and payload, payload
        H  the header as JSON; first
        T  up to 2,048 traces: XZ of lab/recordings/columns.py
        M  memory samples: XZ of a JSON list of objects
        R  what a replay needs: XZ of the records of lab/tracing/replay_notes.py, one
           after the other; recordings from before there were any have no such chunk
        E  the end, as JSON: {"num_traces", "num_samples"}, and "num_notes" of the R

Every chunk stands alone, so a recording whose end was cut off can be read up to there.

    RecordingError   not a recording, a damaged one, or one that cannot be written
"""

import dataclasses
import json
import lzma
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lab.messages import MemorySample
from lab.recordings.columns import to_columns
from lab.tracing.trace import LOW_WORD, StepTrace, decode, stamp_ns

MAGIC = b"SVLR"
VERSION = 1
SUFFIX = ".svlr"
TRACES_PER_CHUNK = 2048
FLUSH_EVERY_S = 20.0
"""A recording that breaks off lacks at most about this much."""
SAMPLES_PER_CHUNK = 20
"""They come once a second, also while the engine takes no step."""
MAX_BLOCKS = 1 << 24

FILE_HEAD = struct.Struct("<4sI")
CHUNK_HEAD = struct.Struct("<cII")


class RecordingError(ValueError):
    """A sentence that names the file and says what is wrong with it."""


@dataclass(frozen=True)
class RecordingHeader:
    """Where, when and of what the recording was made; shown beside it."""

    engine_host_id: str
    engine_run: int
    num_blocks: int
    block_size: int
    machine: str
    device: str
    model: str
    versions: dict[str, str]
    date: str
    """ISO 8601 with time zone."""
    traffic: str
    """What kind of traffic, in a few words."""
    phases: list[dict[str, Any]]
    """Cold start of the engine that was recorded: PhaseTiming as JSON, in order."""

    @classmethod
    def from_json(cls, text: bytes) -> "RecordingHeader":
        """Raises ValueError when a field is missing or of another type."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("its header is not a JSON object")
        known = {f.name: f.type for f in dataclasses.fields(cls)}
        if missing := known.keys() - values.keys():
            raise ValueError(f"its header lacks {', '.join(sorted(missing))}")
        header = cls(**{name: values[name] for name in known})
        numbers = (header.engine_run, header.num_blocks, header.block_size)
        words = (header.machine, header.device, header.model, header.date)
        if not (
            all(type(number) is int and 0 <= number <= LOW_WORD for number in numbers)
            and 0 < header.num_blocks <= MAX_BLOCKS
            and 0 < header.block_size < 1 << 16
            and all(isinstance(word, str) for word in (*words, header.traffic))
            and isinstance(header.engine_host_id, str)
            and isinstance(header.versions, dict)
            and isinstance(header.phases, list)
            and all(_is_phase(phase) for phase in header.phases)
        ):
            raise ValueError("its header has a value of a wrong kind")
        return header


def _is_phase(phase: Any) -> bool:
    return (
        isinstance(phase, dict)
        and isinstance(phase.get("name"), str)
        and all(
            isinstance(phase.get(key), int | float) for key in ("started_s", "seconds")
        )
    )


@dataclass(frozen=True)
class Recording:
    """A recording, read whole."""

    header: RecordingHeader
    records: list[bytes] = field(default_factory=list)
    """Raw StepTraces as trace.decode() reads them; the first is a snapshot."""
    samples: list[MemorySample] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)
    """What a replay needs, as replay_notes.decode_note() reads it; none in recordings
    from before it was written down."""
    is_cut: bool = False
    """Its end is missing: the recording broke off."""

    def traces(self) -> Iterator[StepTrace]:
        """The StepTraces in order."""
        return map(decode, self.records)

    @property
    def duration_s(self) -> float:
        """From the first trace to the last."""
        if not self.records:
            return 0.0
        first, last = decode(self.records[0]), decode(self.records[-1])
        return (last.header.stamp_ns - first.header.stamp_ns) / 1e9


# Writing


@dataclass
class _Stretch:
    """What goes into the file's next chunks."""

    records: list[bytes] = field(default_factory=list)
    samples: list[MemorySample] = field(default_factory=list)
    notes: list[bytes] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """By number, or by the time from its first trace to its last."""
        records, samples = self.records, self.samples
        if len(records) >= TRACES_PER_CHUNK or len(samples) >= SAMPLES_PER_CHUNK:
            return True
        if len(records) < 2:
            return False
        return stamp_ns(records[-1]) - stamp_ns(records[0]) >= FLUSH_EVERY_S * 1e9


class RecordingWriter:
    """Writes to ``path`` with ".part" behind it, and renames when closed.

    ``add_trace``, ``add_memory`` and ``end`` return at once: a thread of its own
    compresses and writes, and is woken for whole chunks only. A process that dies
    leaves the .part file, which is whole up to its last chunk. Raises RecordingError.
    """

    def __init__(self, path: Path, header: RecordingHeader) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.num_traces = 0
        self.num_samples = 0
        self.num_bytes = 0
        """Bytes in the file so far."""
        self.error: RecordingError | None = None
        self._lock = threading.Lock()
        """Of the stretch: another thread than that which adds may end the recording."""
        self._is_ended = False
        self._stretch = _Stretch()
        self._queue: SimpleQueue[_Stretch | None] = SimpleQueue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.part.open("wb")
        except OSError as error:
            raise RecordingError(f"{path} cannot be written: {error}.") from error
        self._header = json.dumps(dataclasses.asdict(header)).encode()
        self._thread = threading.Thread(
            target=self._run, name="recording-writer", daemon=True
        )
        self._thread.start()

    def add_trace(self, record: bytes) -> None:
        """One raw StepTrace; the first has to be a snapshot."""
        with self._lock:
            if self._takes_more:
                self.num_traces += 1
                self._stretch.records.append(record)
                self._hand_over_if_full()

    def add_memory(self, sample: MemorySample) -> None:
        """One memory sample."""
        with self._lock:
            if self._takes_more:
                self.num_samples += 1
                self._stretch.samples.append(sample)
                self._hand_over_if_full()

    def add_note(self, record: bytes) -> None:
        """One raw replay record, before the StepTrace that it comes before."""
        with self._lock:
            if self._takes_more:
                self._stretch.notes.append(record)

    @property
    def _takes_more(self) -> bool:
        return self.error is None and not self._is_ended

    def _hand_over_if_full(self) -> None:
        if self._stretch.is_full:
            self._queue.put(self._stretch)
            self._stretch = _Stretch()

    def end(self) -> None:
        """Nothing more will come: the thread writes the rest and ends."""
        with self._lock:
            if not self._is_ended:
                self._is_ended = True
                self._queue.put(self._stretch)
                self._queue.put(None)

    def discard(self, reason: str) -> None:
        """Write nothing and leave no file; ``reason`` becomes the error."""
        self.error = RecordingError(f"{self.path} was not recorded: {reason}.")
        self.end()

    @property
    def is_done(self) -> bool:
        """Whether the file is closed and has its name, or an error is known."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """End, and wait until nothing more is written; an error is in ``error``."""
        self.end()
        self._thread.join()

    def close(self) -> None:
        """End, wait until the file has its name; raises RecordingError."""
        self.wait()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            with self._file:
                self._write(FILE_HEAD.pack(MAGIC, VERSION))
                self._write_chunk(b"H", self._header)
                self._write_all()
            if self.error is None:
                self.part.replace(self.path)
            else:
                self.part.unlink()
        except (OSError, ValueError, lzma.LZMAError) as error:
            self.error = RecordingError(f"{self.path} was not recorded: {error}")

    def _write_all(self) -> None:
        counts = {"num_traces": 0, "num_samples": 0}
        while (stretch := self._queue.get()) is not None:
            counts["num_traces"] += len(stretch.records)
            counts["num_samples"] += len(stretch.samples)
            if stretch.notes:
                num_before = counts.get("num_notes", 0)
                counts["num_notes"] = num_before + len(stretch.notes)
            self._write_stretch(stretch)
        self._write_chunk(b"E", json.dumps(counts).encode())

    def _write_stretch(self, stretch: _Stretch) -> None:
        if stretch.records:
            self._write_chunk(b"T", _packed(to_columns(stretch.records)))
        if stretch.samples:
            rows = [dataclasses.asdict(sample) for sample in stretch.samples]
            self._write_chunk(b"M", _packed(json.dumps(rows).encode()))
        if stretch.notes:
            self._write_chunk(b"R", _packed(b"".join(stretch.notes)))

    def _write_chunk(self, kind: bytes, payload: bytes) -> None:
        crc = zlib.crc32(kind + payload)
        self._write(CHUNK_HEAD.pack(kind, len(payload), crc) + payload)
        self._file.flush()

    def _write(self, part: bytes) -> None:
        self._file.write(part)
        self.num_bytes += len(part)


def _packed(plain: bytes) -> bytes:
    return lzma.compress(plain, lzma.FORMAT_XZ, lzma.CHECK_NONE, preset=6)
