"""The bench of replay: a recording repeated to a length is one recording."""

from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import replay
from benchmarks.full_load import SETTINGS, FullLoad
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import TraceKind, decode


def test_a_repeated_recording_goes_on_without_a_gap() -> None:
    short = read_recording(SHIPPED_DIR / "smollm2-cpu-first.svlr")
    longer = replay._repeated(short, 20.0)

    traces = [decode(record) for record in longer.records]
    assert 19 < longer.duration_s <= 20
    assert len(traces) > 3 * len(short.records)
    mirror = PoolMirror(short.header.num_blocks, short.header.block_size)
    for trace in traces:
        assert mirror.follows(trace)
        mirror.apply(trace)
    for one, next_one in pairwise(traces):
        assert next_one.header.sequence == one.header.sequence + 1
        assert next_one.header.stamp_ns >= one.header.stamp_ns


def test_it_tells_size_and_seeks_of_a_file() -> None:
    path = SHIPPED_DIR / "smollm2-cpu-overflow.svlr"
    results = replay.run({"recording": str(path), "minutes": "1", "seeks": "20"})

    named = {one["name"]: one["value"] for one in results}
    assert 0 < named["seek_ms_p95"] <= named["seek_ms_most"]
    assert named["recording_mb"] < 0.2


@pytest.mark.scheduler
def test_a_full_load_keeps_the_batch_full_and_is_recorded_as_it_was(
    tmp_path: Path,
) -> None:
    load = FullLoad(1_790_000_000_000_000_000)
    replay.record_load(load, tmp_path / "a.svlr", 12.0)

    recording = read_recording(tmp_path / "a.svlr")
    assert 11 < recording.duration_s <= 13
    assert len(recording.samples) == 12 and recording.notes
    mirror = PoolMirror(SETTINGS.num_blocks, SETTINGS.block_size)
    full = []
    for trace in recording.traces():
        assert mirror.follows(trace)
        mirror.apply(trace)
        if trace.header.kind is TraceKind.SCHEDULE:
            full.append(trace.header.num_running == SETTINGS.max_num_seqs)
            assert trace.header.num_waiting
    assert sum(full) > 0.9 * len(full) > 100
    end = mirror.header
    assert end is not None and end.num_evictions and end.prefix_hit_tokens
