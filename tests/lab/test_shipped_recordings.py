"""The recordings that ship with the product: real runs, whole, labelled, small."""

from pathlib import Path

import pytest

from lab.engine.mirror import PoolMirror
from lab.frames_file import frames_of
from lab.recording_reader import read_recording
from lab.shelf import SHIPPED_DIR

SHIPPED = sorted(SHIPPED_DIR.glob("*.svlr"))


def test_there_is_one_to_play_where_no_engine_runs() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recording_is_whole_labelled_and_eventful(path: Path) -> None:
    recording = read_recording(path)
    header = recording.header
    assert path.stat().st_size <= 2_000_000
    assert header.machine and header.model and header.date and header.traffic
    assert header.versions["vllm"]
    mirror = PoolMirror(header.num_blocks, header.block_size)
    most_shared = 0
    for trace in recording.traces():
        assert mirror.follows(trace)
        mirror.apply(trace)
        most_shared = max(most_shared, int((mirror.ref_cnt[1:] > 1).sum()))
    assert mirror.header is not None and most_shared > 0
    assert mirror.header.num_preemptions > 0, "more than fits"
    assert mirror.header.num_evictions > 0
    assert mirror.header.prefix_hit_tokens > 0
    assert len(frames_of(recording)) > 10_000
