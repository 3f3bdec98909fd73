"""Shared-memory ring: StepTraces out of the EngineCore process.

The scheduler thread must never wait, so there is no system call and no lock on its
side: one writer overwrites the oldest records in a memory-mapped file; one reader
polls, and notices when it was lapped. Then it asks for a snapshot.

Layout of the file: a header of eight uint64 words, then CAPACITY_WORDS uint32 words::

    0 magic and version      4 tracing on (1) or off (0)       written by the reader
    1 capacity in words      5 snapshots asked for so far      written by the reader
    2 head: words committed  6 snapshots served so far
    3 reserved: words that may be in the middle of being overwritten
    7 where the last snapshot begins, plus 1; only in lab/tracing/own_tap.py

Head and reserved only grow; position in the ring is the remainder by the capacity.
Relies on stores of one process being seen in order by another (x86, and ARM in
practice through the interpreter's own barriers); a torn record fails to decode.
"""

import mmap
import os
from array import array
from pathlib import Path

MAGIC = 0x5345_5256_4C54_0001
HEADER_BYTES = 64
REFUSAL_NAME = "refused"
"""Beside the ring: the scheduler's sentence about a model it cannot trace."""
CAPACITY_WORDS = 1 << 22
"""16 MiB: about 40,000 steps with 32 running requests."""
_HEAD, _RESERVED, _ENABLED, _ASKED, _SERVED = 2, 3, 4, 5, 6


class TapError(RuntimeError):
    """The ring's file is missing or not a ring."""


class _Ring:
    access = mmap.ACCESS_WRITE

    def __init__(self, path: Path) -> None:
        self._capacity = _capacity_words(path)
        is_read = self.access == mmap.ACCESS_READ
        with path.open("rb" if is_read else "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=self.access)
        self._bytes = memoryview(self._map)
        self._header = self._bytes[:HEADER_BYTES].cast("Q")
        self._ring = self._bytes[HEADER_BYTES:]
        self._words = self._ring.cast("I")

    def close(self) -> None:
        """Release the mapping."""
        for view in (self._header, self._words, self._ring, self._bytes):
            view.release()
        self._map.close()


class TapWriter(_Ring):
    """The scheduler's end."""

    @property
    def is_enabled(self) -> bool:
        """Whether the reader wants traces."""
        return self._header[_ENABLED] == 1

    @property
    def is_snapshot_wanted(self) -> bool:
        """Whether the reader lost the thread and asked for a snapshot."""
        return self._header[_ASKED] != self._header[_SERVED]

    def is_calm(self) -> bool:
        """Whether the reader wants what it got so far: traces, and no snapshot."""
        header = self._header
        return header[_ENABLED] == 1 and header[_ASKED] == header[_SERVED]

    def mark_snapshot_served(self) -> None:
        """Answer every snapshot asked for until now."""
        self._header[_SERVED] = self._header[_ASKED]

    def write(self, record: bytes) -> None:
        """Append one record of whole words, overwriting the oldest ones."""
        header, ring, capacity = self._header, self._ring, self._capacity
        count = len(record) // 4
        if count > capacity:
            raise TapError(f"A record of {count} words does not fit the ring.")
        head = header[_HEAD]
        header[_RESERVED] = head + count
        at = 4 * (head % capacity)
        room = 4 * capacity - at
        if len(record) <= room:
            ring[at : at + len(record)] = record
        else:
            ring[at:] = record[:room]
            ring[: len(record) - room] = record[room:]
        header[_HEAD] = head + count


class TapReader(_Ring):
    """The engine host's end; makes the file."""

    def __init__(self, path: Path, capacity_words: int = CAPACITY_WORDS) -> None:
        make_ring(path, capacity_words)
        super().__init__(path)
        self._path = path
        self._position = 0
        self.num_laps = 0

    def enable(self, on: bool) -> None:
        """Switch tracing on or off in the running engine."""
        self._header[_ENABLED] = int(on)

    def ask_snapshot(self) -> None:
        """The next record will be a snapshot."""
        self._header[_ASKED] += 1

    def read(self) -> list[bytes]:
        """Records since the last call, oldest first; a lap loses all unread ones."""
        head = self._header[_HEAD]
        if head == self._position:
            return []
        if head - self._position > self._capacity:
            return self._skip(head)
        copied = self._copy(self._position, head)
        if self._header[_RESERVED] - self._position > self._capacity:
            return self._skip(head)
        self._position = head
        return _split(copied)

    def _skip(self, head: int) -> list[bytes]:
        self.num_laps += 1
        self._position = head
        self.ask_snapshot()
        return []

    def _copy(self, start: int, end: int) -> memoryview:
        first, last = start % self._capacity, end % self._capacity
        if first < last:
            return memoryview(self._words[first:last].tobytes()).cast("I")
        joined = self._words[first:].tobytes() + self._words[:last].tobytes()
        return memoryview(joined).cast("I")

    def close(self) -> None:
        """Release the mapping and remove the file."""
        super().close()
        self._path.unlink(missing_ok=True)


def make_ring(path: Path, capacity_words: int) -> None:
    """A new ring with nothing in it; tracing is on."""
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(array("Q", [MAGIC, capacity_words, 0, 0, 1, 0, 0, 0]).tobytes())
        file.truncate(HEADER_BYTES + 4 * capacity_words)


def _capacity_words(path: Path) -> int:
    """Capacity of the ring in ``path``; raises TapError when it is not one."""
    try:
        with path.open("rb") as file:
            header = array("Q", file.read(HEADER_BYTES))
    except FileNotFoundError:
        raise TapError(f"There is no trace ring at {path}.") from None
    except ValueError:
        header = array("Q")
    if len(header) * 8 != HEADER_BYTES or header[0] != MAGIC:
        raise TapError(f"{path} is not a trace ring of this version.")
    if path.stat().st_size != HEADER_BYTES + 4 * header[1]:
        raise TapError(f"{path} is a trace ring that was cut short.")
    return header[1]


def _split(words: memoryview) -> list[bytes]:
    records = []
    at = 0
    while at < len(words):
        length = words[at] or len(words)  # an empty record is none: never stand still
        records.append(words[at : at + length].tobytes())
        at += length
    return records
