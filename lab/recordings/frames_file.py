"""Frames files: what the browser plays of a recording (docs/frame-format.md)."""

import dataclasses
import json
import math
import struct
from typing import Any

from lab.recordings.recording import Recording, RecordingError
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import TraceKind

MAGIC = b"SVLP"
VERSION = 1
FRAMES_PER_S = 30.0
KEYFRAME_EVERY_S = 2.0
CONTRADICTIONS = (
    KeyError, IndexError, ValueError, TypeError, OverflowError, AssertionError,
)  # fmt: skip
_HEAD = struct.Struct("<4sII")
_LENGTH = struct.Struct("<I")


def frames_of(
    recording: Recording,
    frames_per_s: float = FRAMES_PER_S,
    max_bytes: float = math.inf,
) -> bytes:
    """The recording as a frames file: at most so many frames a second.

    Raises RecordingError when the traces contradict each other or hold no snapshot, or
    where the frames together have more than ``max_bytes``.
    """
    frames = _frames(recording, frames_per_s, max_bytes)
    if not frames:
        raise RecordingError("The recording has no snapshot to begin with.")
    try:
        header = _json(_header(recording, len(frames)))
    except ValueError as error:
        raise RecordingError("The recording has a figure that is no number.") from error
    parts = [_HEAD.pack(MAGIC, VERSION, len(header)), header]
    for frame in frames:
        parts += (_LENGTH.pack(len(frame)), frame)
    return b"".join(parts)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _header(recording: Recording, num_frames: int) -> dict[str, Any]:
    """The recording's header, its length, and its memory samples without unknowns."""
    memory = [
        {
            name: value
            for name, value in dataclasses.asdict(sample).items()
            if value is not None and value != ""
        }
        for sample in recording.samples
    ]
    return dataclasses.asdict(recording.header) | {
        "duration_s": round(recording.duration_s, 3),
        "num_frames": num_frames,
        "memory": memory,
    }


def _frames(recording: Recording, frames_per_s: float, max_bytes: float) -> list[bytes]:
    header = recording.header
    encoder = FrameEncoder(
        header.engine_host_id, header.engine_run, header.num_blocks, header.block_size
    )
    frames: list[bytes] = []
    frame_due = keyframe_due = 0.0
    num_bytes = 0
    last = len(recording.records) - 1
    for number, trace in enumerate(recording.traces()):
        try:
            encoder.apply(trace)
        except CONTRADICTIONS as error:
            raise RecordingError(
                f"The recording contradicts itself in trace {number}: {error!r}."
            ) from error
        now = trace.header.stamp_ns / 1e9
        is_needed = number == last or trace.header.kind is TraceKind.SNAPSHOT
        if not (is_needed or now >= frame_due):
            continue
        is_keyframe = now >= keyframe_due
        frame = encoder.next_frame(keyframe=is_keyframe)
        if frame is not None:
            frames.append(frame)
            num_bytes += len(frame)
            if num_bytes > max_bytes:
                raise RecordingError(f"Its frames have more than {max_bytes:,} bytes.")
            frame_due = now + 1 / frames_per_s
            keyframe_due = now + KEYFRAME_EVERY_S if is_keyframe else keyframe_due
    return frames
