"""The library: recordings that the viewer can play, shipped and made here.

A recording's id is its file name without suffix; one made here stands in front of a
shipped one of the same name.
"""

import re
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from lab.recordings.frames_file import frames_of
from lab.recordings.reader import read_recording
from lab.recordings.recording import (
    CHUNK_HEAD,
    FILE_HEAD,
    MAGIC,
    SUFFIX,
    VERSION,
    RecordingError,
    RecordingHeader,
)

SHIPPED_DIR = Path(__file__).resolve().parent
RECORDING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MAX_HEADER_BYTES = 65_536
PLAYED_FRAMES_PER_S = 20.0


@dataclass(frozen=True)
class ListedRecording:
    """One recording: its id, and what its header says."""

    recording_id: str
    header: RecordingHeader
    duration_s: float = 0.0
    num_bytes: int = 0


def recordings() -> list[ListedRecording]:
    """All recordings whose header can be read."""
    listed = []
    for recording_id, path in _paths().items():
        header = _header(path)
        if header is not None:
            stat = path.stat()
            duration_s = _duration_s(path, stat.st_mtime_ns, stat.st_size)
            listed.append(
                ListedRecording(recording_id, header, duration_s, stat.st_size)
            )
    return listed


def title(one: ListedRecording) -> str:
    """Its traffic, or its id, and the device."""
    words = (one.header.traffic or one.recording_id, one.header.device)
    return " · ".join(filter(None, words))


def place(one: ListedRecording) -> tuple[bool, int, str]:
    """In the list. Mixed traffic in a pool that a screen can show has the most to see:
    the first one plays without an engine."""
    is_mixed = one.recording_id.endswith("-mixed")
    return not is_mixed, one.header.num_blocks, one.recording_id


def file(recording_id: str) -> bytes | None:
    """The recording itself; None where there is none of this id."""
    path = _paths().get(recording_id)
    return None if path is None else path.read_bytes()


def frames(recording_id: str) -> bytes | None:
    """The frames file of a recording; None where there is none of this id.

    Raises RecordingError when it is damaged.
    """
    path = _paths().get(recording_id)
    if path is None:
        return None
    stat = path.stat()
    return _frames(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=64)
def _duration_s(path: Path, changed_ns: int, num_bytes: int) -> float:
    """0 where it is damaged: playing it says so."""
    try:
        return read_recording(path, allow_cut=True).duration_s
    except RecordingError:
        return 0.0


@lru_cache(maxsize=4)
def _frames(path: Path, changed_ns: int, num_bytes: int) -> bytes:
    return frames_of(read_recording(path, allow_cut=True), PLAYED_FRAMES_PER_S)


def _paths() -> dict[str, Path]:
    return {
        path.stem: path
        for folder in (SHIPPED_DIR, settings.DATA_DIR / "recordings")
        for path in folder.glob(f"*{SUFFIX}")
        if RECORDING_ID.fullmatch(path.stem) and path.is_file()
    }


def _header(path: Path) -> RecordingHeader | None:
    """The header alone, without reading the traffic behind it."""
    try:
        with path.open("rb") as file:
            magic, version = FILE_HEAD.unpack(file.read(FILE_HEAD.size))
            kind, length, crc = CHUNK_HEAD.unpack(file.read(CHUNK_HEAD.size))
            payload = file.read(min(length, MAX_HEADER_BYTES))
        is_whole = (magic, version, kind) == (MAGIC, VERSION, b"H")
        if not is_whole or zlib.crc32(kind + payload) != crc:
            return None
        return RecordingHeader.from_json(payload)
    except (OSError, ValueError, TypeError, struct.error):
        return None
