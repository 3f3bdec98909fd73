"""The bench of replay: a recording repeated to a length is one recording."""

from itertools import pairwise

from benchmarks import replay
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import decode


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


def test_it_tells_size_and_seeks() -> None:
    results = replay.run({"minutes": "1", "seeks": "20"})

    named = {one["name"]: one["value"] for one in results}
    assert 0 < named["seek_ms_p95"] <= named["seek_ms_most"]
    assert named["recording_mb"] < 0.2
