"""Ten minutes recorded: size of the file, and the time to seek anywhere in it."""

import json
import shutil
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from benchmarks.interval import bootstrap_interval, percentile
from lab.recordings.frames_file import frames_of
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.recordings.recording import Recording, RecordingWriter
from lab.tracing.trace import decode

LOADED = "smollm2-cpu-overflow"
MINUTES = 10.0
NUM_SEEKS = 400
GAP_NS = 50_000_000
FRAMES_PER_S = 20.0
_SEQUENCE = struct.Struct("<I")
_STAMP_NS = struct.Struct("<Q")


def run(options: dict[str, str]) -> list[dict[str, Any]]:
    """``recording`` is a file, the shipped one at full load by default; one that is
    shorter than ``minutes`` is repeated, which the conditions say."""
    path = Path(options.get("recording", SHIPPED_DIR / f"{LOADED}.svlr"))
    seconds = 60 * float(options.get("minutes", MINUTES))
    recording = read_recording(path)
    repeated = _repeated(recording, seconds)
    num_laps = len(repeated.records) / len(recording.records)
    # Lap by lap: what repeats would compress too well in one file.
    num_bytes = _written_bytes(recording) * num_laps
    began = time.perf_counter()
    frames = frames_of(repeated, FRAMES_PER_S)
    frames_s = time.perf_counter() - began
    told = _sought(frames, int(options.get("seeks", NUM_SEEKS)))
    value, low, high = bootstrap_interval(
        told["seeksMs"], lambda values: percentile(values, 95)
    )
    conditions = (
        f"{path.stem}, {recording.duration_s:.0f} s of {recording.header.device}, "
        f"{num_laps:.1f} times: {repeated.duration_s / 60:.1f} min, "
        f"{len(repeated.records):,} traces; seeks in Node.js"
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
