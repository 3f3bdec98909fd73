"""The tap of an engine that is somebody's own: it makes the ring, and is asked nothing.

A directory that SERVELAB_TAP names in the engine's environment::

    facts.json       what the engine is, and which file is its ring
    ring-<numbers>   as in lab/tracing/tap.py; an engine that lives has a lock of it
    refused          a sentence, where nothing is traced

A reader maps the ring to read only, so that nothing of it reaches the engine: it can be
killed, come late, or never come. It begins where the last snapshot begins, which the
engine writes again and again; the engine of another start has another ring.
"""

import contextlib
import fcntl
import json
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lab.tracing.tap import (
    CAPACITY_WORDS,
    HEADER_BYTES,
    REFUSAL_NAME,
    TapError,
    TapReader,
    TapWriter,
    make_ring,
)
from lab.tracing.trace import NOTED, STEADY, TraceKind

TAP_VARIABLE = "SERVELAB_TAP"
FACTS_NAME = "facts.json"
FORMAT = 1
"""Of the facts; a reader refuses others."""
SNAPSHOT_EVERY_S = 10.0
COST_SHARE = 200
"""A snapshot that took a second is not made again for so many."""
SHARE_BEHIND = 4
"""What was written since the last snapshot fills less than one of so many parts."""
WORDS_A_BLOCK = 16
"""What snapshots of a large pool need in the ring."""
_SNAPSHOT_AT = 7
_FLOCK = "hhqqi4x"
"""struct flock of Linux, 64 bit: type, whence, start, length, process."""


class OwnTap(TapWriter):
    """The engine's end. Raises OSError where the directory cannot be written."""

    def __init__(
        self,
        directory: Path,
        facts: dict[str, Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / f"ring-{os.getpid()}-{time.time_ns()}"
        capacity = max(CAPACITY_WORDS, WORDS_A_BLOCK * facts["num_blocks"])
        self._locked = _made_whole(path, capacity)
        super().__init__(path)
        _lock(self._locked)
        self.directory = directory
        self._path = path
        self._clock = clock
        self._begins_at: int | None = None
        """Where the snapshot begins that is being written."""
        self._due_head = 0
        self._due_at = self._began_s = 0.0
        _replace(directory / FACTS_NAME, json.dumps({**facts, "ring": path.name}))
        (directory / REFUSAL_NAME).unlink(missing_ok=True)
        for other in directory.glob("ring-*"):
            if other != path:
                other.unlink(missing_ok=True)

    @property
    def is_enabled(self) -> bool:
        """Always: who reads is not known."""
        return True

    @property
    def is_snapshot_wanted(self) -> bool:
        """Nobody asks, and no record is to be left out for one."""
        return False

    def is_calm(self) -> bool:
        """Always, for the same reasons."""
        return True

    @property
    def is_snapshot_due(self) -> bool:
        """Whether the last one is old, or far behind."""
        return self._header[2] >= self._due_head or self._clock() >= self._due_at

    def mark_snapshot_served(self) -> None:
        """One is written from here on."""
        self._begins_at = self._header[2]
        self._began_s = self._clock()

    def write(self, record: bytes) -> None:
        super().write(record)
        kind = record[4] & ~(STEADY | NOTED)
        if self._begins_at is None or kind != TraceKind.SNAPSHOT:
            return
        head, now = self._header[2], self._clock()
        self._header[_SNAPSHOT_AT] = self._begins_at + 1
        num_words = head - self._begins_at
        self._due_head = head + max(self._capacity // SHARE_BEHIND - num_words, 0)
        pause_s = max(SNAPSHOT_EVERY_S, COST_SHARE * (now - self._began_s))
        self._due_at = now + pause_s
        self._begins_at = None

    def close(self) -> None:
        """Release the mapping and remove the file: the engine ends."""
        super().close()
        self._path.unlink(missing_ok=True)
        self._locked.close()


class AttachedTap(TapReader):
    """A reader's end of another's ring: never written to, never removed."""

    access = mmap.ACCESS_READ

    def __init__(self, path: Path) -> None:
        super(TapReader, self).__init__(path)
        self._path = path
        self.num_laps = 0
        self._position = self._last_snapshot()

    def _last_snapshot(self) -> int:
        begins = self._header[_SNAPSHOT_AT]
        return begins - 1 if begins else self._header[2]

    def _skip(self, head: int) -> list[bytes]:
        """Lapped: go on from the last snapshot."""
        self.num_laps += 1
        self._position = self._last_snapshot()
        return []

    def enable(self, on: bool) -> None:
        """The engine is not told."""

    def ask_snapshot(self) -> None:
        """The engine is not asked: the next one comes by itself."""

    def close(self) -> None:
        """Release the mapping."""
        super(TapReader, self).close()

    @property
    def is_alive(self) -> bool:
        """Whether the engine that writes this ring holds its lock."""
        try:
            with self._path.open("rb") as file:
                return _is_locked(file)
        except OSError:
            return False


def read_facts(directory: Path) -> dict[str, Any] | None:
    """What the engine of a tap says of itself; None where none has said anything.

    Raises TapError for facts of another format.
    """
    try:
        facts = json.loads((directory / FACTS_NAME).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TapError(f"{directory / FACTS_NAME} cannot be read: {error}.") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise TapError(
            f"{directory} is a tap of another version: install the tracing package of "
            "this one in the engine's environment."
        )
    return facts


def read_refusal(directory: Path) -> str:
    """Why the engine of a tap traces nothing; "" where it does, or none is there."""
    try:
        return (directory / REFUSAL_NAME).read_text()[:300]
    except OSError:
        return ""


def refuse(directory: Path, sentence: str) -> None:
    """Say why nothing is traced, as far as the directory can be written."""
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / FACTS_NAME).unlink(missing_ok=True)
        _replace(directory / REFUSAL_NAME, sentence)


def _made_whole(path: Path, capacity_words: int) -> IO[bytes]:
    """A new ring, with room for all of it now: a file system that is full would end
    the engine later."""
    try:
        make_ring(path, capacity_words)
        file = path.open("r+b")
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return file


def _lock(file: IO[bytes]) -> None:
    """The kernel takes it back when this process ends, however it ends; or when it
    closes the file once more: all that opens it comes before."""
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, HEADER_BYTES)


def _is_locked(file: IO[bytes]) -> bool:
    """Asks without locking: F_GETLK changes nothing."""
    asked = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, HEADER_BYTES, 0)
    told = fcntl.fcntl(file, fcntl.F_GETLK, asked)
    kind: int = struct.unpack(_FLOCK, told)[0]
    return kind != fcntl.F_UNLCK


def _replace(path: Path, text: str) -> None:
    whole = path.with_name(f"{path.name}.{os.getpid()}")
    whole.touch(mode=0o600)
    whole.write_text(text)
    whole.replace(path)
