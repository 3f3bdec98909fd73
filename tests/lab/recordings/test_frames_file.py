"""Frames files: a recording as the browser plays it."""

import dataclasses
import json
import re
import struct
from itertools import pairwise
from typing import Any

import pytest

from lab.messages import MemorySample
from lab.recordings.frames_file import frames_of
from lab.recordings.reader import read_recording
from lab.recordings.recording import (
    Recording,
    RecordingError,
    RecordingHeader,
    RecordingWriter,
)
from lab.tracing.frames import FrameEncoder
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode
from tests.data.make_golden import source
from tests.lab.node import REPOSITORY, run_node
from tests.lab.pool_state import pool_state
from tests.lab.step_traces import Traffic

RECORDS, NUM_BLOCKS, BLOCK_SIZE = source()
HEADER = RecordingHeader(
    engine_host_id="host-a", engine_run=2, num_blocks=NUM_BLOCKS, block_size=BLOCK_SIZE,
    machine="here", device="CPU engine", model="a model", versions={"vllm": "0.32.0"},
    date="2026-11-23T18:00:00+00:00", traffic="what a real engine did",
    phases=[{"name": "load weights", "started_s": 6.5, "seconds": 0.4}],
)  # fmt: skip
STAMPS_S = [decode(record).header.stamp_ns / 1e9 for record in RECORDS]
SAMPLES = [
    MemorySample("host-a", stamp, "CPU engine", False, process_bytes=number)
    for number, stamp in enumerate(STAMPS_S[::200])
]
REAL = Recording(HEADER, RECORDS, SAMPLES)


def played(file: bytes, *positions_ms: float) -> dict[str, Any]:
    result = run_node("tests/js/play.js", *map(str, positions_ms), stdin=file)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def states_at(frame_times_ms: list[float]) -> list[dict[str, Any]]:
    """The mirror after the last trace up to each time since the first trace."""
    mirror = PoolMirror(NUM_BLOCKS, BLOCK_SIZE)
    states, rest = [], list(frame_times_ms)
    for record, stamp_s in zip(RECORDS, STAMPS_S, strict=True):
        while rest and (stamp_s - STAMPS_S[0]) * 1e3 > rest[0] + 0.01:
            states.append(pool_state(mirror))
            rest.pop(0)
        mirror.apply(decode(record))
    return states + [pool_state(mirror)] * len(rest)


def test_a_played_recording_shows_what_the_engine_did_at_that_time() -> None:
    file = frames_of(REAL)
    times = played(file)["times"]
    chosen = [*times[::60], times[-1]]

    moments = played(file, *(time + 0.02 for time in chosen))["moments"]

    assert [moment["state"] for moment in moments] == states_at(chosen)
    assert moments[-1]["memory"]["process_bytes"] == len(SAMPLES) - 1


def test_a_replay_has_the_bytes_of_the_live_frames(tmp_path) -> None:
    """What went to the viewers then: the same encoder, fed by the host's mirror, asked
    for a frame at the same moments."""
    path = tmp_path / "it.svlr"
    writer = RecordingWriter(path, HEADER)
    for record in RECORDS:
        writer.add_trace(record)
    writer.close()
    replayed = frames_in(frames_of(read_recording(path)))

    mirror = PoolMirror(NUM_BLOCKS, BLOCK_SIZE)
    live = FrameEncoder("host-a", 2, NUM_BLOCKS, BLOCK_SIZE, mirror)
    sent: list[bytes] = []
    for record in RECORDS:
        trace = decode(record)
        live.note(trace, mirror.apply(trace))
        if len(sent) == len(replayed):
            continue
        stamp_ms, is_keyframe = stamp_and_kind(replayed[len(sent)])
        if trace.header.stamp_ns / 1e6 == pytest.approx(stamp_ms, abs=1e-3):
            frame = live.next_frame(keyframe=is_keyframe)
            assert frame is not None
            sent.append(frame)

    assert sent == replayed
    assert frames_of(read_recording(path)) == frames_of(Recording(HEADER, RECORDS))


def frames_in(file: bytes) -> list[bytes]:
    at, frames = 12 + int.from_bytes(file[8:12], "little"), []
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "little")
        frames.append(file[at + 4 : at + 4 + length])
        at += 4 + length
    return frames


def stamp_and_kind(frame: bytes) -> tuple[float, bool]:
    return struct.unpack_from("<d", frame, 32)[0], frame[9] == 0


def test_a_frames_file_lasts_as_long_as_its_recording() -> None:
    answer = played(frames_of(REAL))

    assert answer["durationMs"] == pytest.approx(REAL.duration_s * 1e3)
    assert answer["header"]["duration_s"] == pytest.approx(REAL.duration_s, abs=1e-3)
    assert answer["header"]["num_frames"] == len(answer["times"])


def test_frames_come_no_faster_than_asked_for() -> None:
    times = played(frames_of(REAL, frames_per_s=5.0))["times"]

    gaps = [later - earlier for earlier, later in pairwise(times[:-1])]
    assert min(gaps) >= 199
    assert len(times) > 100


def test_a_keyframe_comes_every_two_seconds() -> None:
    file = frames_of(REAL)
    kinds = [
        (file[match.start() + 9], match.start()) for match in re.finditer(b"SVLF", file)
    ]

    num_keyframes = sum(kind == 0 for kind, _ in kinds)
    assert REAL.duration_s / 2 * 0.8 <= num_keyframes <= REAL.duration_s / 2 + 1


def test_the_header_holds_what_the_document_says_and_no_unknown_values() -> None:
    text = (REPOSITORY / "docs" / "frame-format.md").read_text()
    section = text.split("## Frames file")[1]
    documented = set(re.findall(r"`([a-z_]+)`", section))

    header = played(frames_of(REAL))["header"]

    assert set(header) == documented
    for name, value in dataclasses.asdict(HEADER).items():
        assert header[name] == value
    assert "used_bytes" not in header["memory"][0]


def test_a_recording_with_a_gap_goes_on_at_the_next_snapshot() -> None:
    traffic = Traffic()
    records = traffic.records(20)
    records = [*records[:21], traffic.snapshot(), *traffic.step()]
    header = dataclasses.replace(HEADER, num_blocks=64, block_size=4)

    [moment] = played(frames_of(Recording(header, records)), 1e9)["moments"]

    assert moment["state"]["waiting"] == [one.short_id for one in traffic.waiting]
    assert moment["state"]["refCnt"] == traffic.ref_cnt


def test_a_recording_without_a_snapshot_is_refused() -> None:
    with pytest.raises(RecordingError, match="no snapshot"):
        frames_of(Recording(HEADER, RECORDS[1:]))
