"""Checks a file that somebody brings: is it a recording that can be replayed? Pure."""

import json
from dataclasses import asdict, dataclass
from itertools import pairwise

from lab.recordings import limits
from lab.recordings.frames_file import frames_of
from lab.recordings.reader import read_bytes
from lab.recordings.recording import Recording, RecordingError
from lab.tracing.trace import decode

FRAMES_PER_S = 20.0


@dataclass(frozen=True)
class Checked:
    """A recording that replays, and its frames file."""

    recording: Recording
    frames: bytes


def checked(file: bytes, name: str) -> Checked:
    """The recording in ``file``, within lab.recordings.limits; raises RecordingError, a
    sentence that begins with ``name`` and says what is wrong."""
    recording = read_bytes(file, name, allow_cut=True, limits=limits.READ)
    try:
        _check_bounds(recording)
        frames = frames_of(recording, FRAMES_PER_S, max_bytes=limits.MAX_FRAMES_BYTES)
    except RecordingError as error:
        raise RecordingError(f"{name} cannot be replayed. {error}") from error
    return Checked(recording, frames)


def _check_bounds(recording: Recording) -> None:
    header = recording.header
    if header.num_blocks > limits.MAX_NUM_BLOCKS:
        raise RecordingError(
            f"It says it has {header.num_blocks:,} blocks; at most "
            f"{limits.MAX_NUM_BLOCKS:,} are shown."
        )
    words = json.dumps(asdict(header)).encode()
    if len(words) > limits.MAX_HEADER_BYTES:
        raise RecordingError("Its header is too long.")
    stamps = [decode(record).header.stamp_ns for record in recording.records]
    if any(later < earlier for earlier, later in pairwise(stamps)):
        raise RecordingError("Its times run backwards.")
    if stamps and (stamps[-1] - stamps[0]) / 1e9 > limits.MAX_SPAN_S:
        raise RecordingError(
            f"It lasts longer than {limits.MAX_SPAN_S / 60:g} minutes."
        )
