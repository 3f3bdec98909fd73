"""Ten minutes at full load, recorded: size of the file, time to seek anywhere in it.

What is recorded is vLLM's own scheduler and block pool without a model, at the step
rate of a CPU engine (benchmarks.full_load), by the product's recorder, with its limits.
"""

import json
import shutil
import struct
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from benchmarks.full_load import SETTINGS, FullLoad
from benchmarks.interval import bootstrap_interval, percentile
from lab.engine.launch import machine_name
from lab.messages import EngineStatus
from lab.recordings import limits
from lab.recordings.frames_file import frames_of
from lab.recordings.reader import read_recording
from lab.recordings.recorder import Session, header_of
from lab.recordings.recording import SUFFIX, Recording, RecordingWriter
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.trace import decode
from lab.worker.memory import CpuMemory, EngineSplit

MINUTES = 10.0
NUM_SEEKS = 400
GAP_NS = 50_000_000
FRAMES_PER_S = 20.0
_SEQUENCE = struct.Struct("<I")
_STAMP_NS = struct.Struct("<Q")


def run(options: dict[str, str]) -> list[dict[str, Any]]:
    """``recording`` names a file instead; one that is shorter than ``minutes`` is
    repeated, which the conditions say."""
    seconds = 60 * float(options.get("minutes", MINUTES))
    if "recording" in options:
        found = _of_file(Path(options["recording"]), seconds)
    else:
        found = _at_full_load(seconds)
    return _measured(*found, num_seeks=int(options.get("seeks", NUM_SEEKS)))


def _at_full_load(seconds: float) -> tuple[Recording, int, str]:
    """The recording of so many seconds, its bytes, and how it came about."""
    load = FullLoad(time.time_ns())
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"load{SUFFIX}"
        record_load(load, path, seconds)
        recording, num_bytes = read_recording(path), path.stat().st_size
    num_running = [trace.header.num_running for trace in recording.traces()]
    conditions = (
        f"vLLM's scheduler without a model, {recording.duration_s / 60:.1f} min of "
        f"{load.num_steps:,} steps with {np.mean(num_running):.0f} of "
        f"{SETTINGS.max_num_seqs} running, {load.num_requests:,} requests, "
        f"{SETTINGS.num_blocks} blocks; {len(recording.records):,} traces, "
        f"{len(recording.notes):,} records for a replay; seeks in Node.js"
    )
    return recording, num_bytes, conditions


def record_load(load: FullLoad, path: Path, seconds: float) -> None:
    """Record so much of it as a learner would; raises RecordingError."""
    status = EngineStatus(
        "bench", "ready", time.time(), machine=machine_name(), device="CPU engine",
        num_blocks=SETTINGS.num_blocks, block_size=SETTINGS.block_size,
    )  # fmt: skip
    writer = RecordingWriter(path, header_of(status, "Full load, without a model"))
    session = Session(writer, seconds, lambda: load.now_ns / 1e9, limits.MAX_BYTES)
    memory, sample_due_ns = CpuMemory(), load.now_ns
    while session.is_open:
        for record in load.step():
            if is_replay_note(record):
                session.add_note(record)
            else:
                session.add_trace(record, decode(record))
        if load.now_ns >= sample_due_ns:
            sample_due_ns = load.now_ns + 10**9
            sample = memory.sample("bench", EngineSplit())
            session.add_memory(replace(sample, stamp=load.now_ns / 1e9))
        session.end_in_time()
    writer.close()


def _of_file(path: Path, seconds: float) -> tuple[Recording, int, str]:
    recording = read_recording(path)
    repeated = _repeated(recording, seconds)
    num_laps = len(repeated.records) / len(recording.records)
    # Lap by lap: what repeats would compress too well in one file.
    num_bytes = round(_written_bytes(recording) * num_laps)
    conditions = (
        f"{path.stem}, {recording.duration_s:.0f} s of {recording.header.device}, "
        f"{num_laps:.1f} times: {repeated.duration_s / 60:.1f} min, "
        f"{len(repeated.records):,} traces; seeks in Node.js"
    )
    return repeated, num_bytes, conditions


def _measured(
    recording: Recording, num_bytes: int, conditions: str, num_seeks: int
) -> list[dict[str, Any]]:
    began = time.perf_counter()
    frames = frames_of(recording, FRAMES_PER_S)
    frames_s = time.perf_counter() - began
    told = _sought(frames, num_seeks)
    value, low, high = bootstrap_interval(
        told["seeksMs"], lambda values: percentile(values, 95)
    )
    return [
        {"name": "recording_mb", "value": num_bytes / 1e6, "unit": "MB",
         "conditions": conditions},
        {"name": "seek_ms_p95", "value": value, "unit": "ms", "interval": [low, high],
         "conditions": f"{len(told['seeksMs'])} seeks"},
        {"name": "seek_ms_most", "value": max(told["seeksMs"]), "unit": "ms"},
        {"name": "load_ms", "value": told["loadMs"], "unit": "ms",
         "conditions": "frames file to the first picture and the charts"},
        {"name": "frames_mb", "value": len(frames) / 1e6, "unit": "MB"},
        {"name": "frames_s", "value": frames_s, "unit": "s",
         "conditions": "once, by the default worker"},
    ]  # fmt: skip


def _repeated(recording: Recording, seconds: float) -> Recording:
    """Lap after lap up to ``seconds``: each begins with its snapshot, its times and
    sequence numbers go on."""
    first, last = decode(recording.records[0]), decode(recording.records[-1])
    lap_ns = last.header.stamp_ns - first.header.stamp_ns + GAP_NS
    num_in_lap = last.header.sequence - first.header.sequence + 1
    end_ns = first.header.stamp_ns + round(seconds * 1e9)
    longer = Recording(recording.header)
    for lap in range(round(seconds * 1e9) // lap_ns + 1):
        for record in recording.records:
            words = bytearray(record)
            (stamp_ns,) = _STAMP_NS.unpack_from(words, 16)
            (sequence,) = _SEQUENCE.unpack_from(words, 8)
            if stamp_ns + lap * lap_ns > end_ns:
                return longer
            _STAMP_NS.pack_into(words, 16, stamp_ns + lap * lap_ns)
            _SEQUENCE.pack_into(words, 8, sequence + lap * num_in_lap)
            longer.records.append(bytes(words))
        for sample in recording.samples:
            longer.samples.append(sample)
    return longer


def _written_bytes(recording: Recording) -> int:
    with tempfile.TemporaryDirectory() as name:
        writer = RecordingWriter(Path(name) / "repeated.svlr", recording.header)
        for sample in recording.samples:
            writer.add_memory(sample)
        for record in recording.records:
            writer.add_trace(record)
        writer.close()
        return writer.num_bytes


def _sought(frames: bytes, num_seeks: int) -> dict[str, Any]:
    node = shutil.which("node")
    if node is None:
        raise RuntimeError("Node.js was not found: the bench seeks by the page's code.")
    answer = subprocess.run(
        [node, "benchmarks/replay_seek.js", str(num_seeks)],
        input=frames,
        capture_output=True,
        cwd=settings.BASE_DIR,
        check=True,
    )
    told: dict[str, Any] = json.loads(answer.stdout)
    return told
