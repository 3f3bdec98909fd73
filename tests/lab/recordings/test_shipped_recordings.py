"""The recordings that ship with the product: real runs, whole, labelled, small."""

from pathlib import Path

import pytest

from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.presentation import RECORDED_PREFIX
from lab.recordings import library
from lab.recordings.frames_file import frames_of
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.recordings.recorder import MAX_TRAFFIC_CHARS
from lab.tracing.mirror import PoolMirror
from lab.traffic.recorded import TRAFFIC

ALL = sorted(SHIPPED_DIR.glob("*.svlr"))
EXPERIMENTAL = [path for path in ALL if path.stem.startswith(RECORDED_PREFIX)]
SHIPPED = [path for path in ALL if path not in EXPERIMENTAL]


def test_there_is_one_to_play_where_no_engine_runs() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recording_is_whole_labelled_and_shows_its_point(path: Path) -> None:
    recording = read_recording(path)
    header = recording.header
    kind = path.stem.rpartition("-")[2]
    assert path.stat().st_size <= 2_000_000
    assert header.machine and header.model and header.date
    assert header.traffic == TRAFFIC[kind].words
    assert header.versions["vllm"]
    assert {"load weights", "first token"} <= {one["name"] for one in header.phases}
    mirror = PoolMirror(header.num_blocks, header.block_size)
    most_shared = 0
    for trace in recording.traces():
        assert mirror.follows(trace)
        mirror.apply(trace)
        most_shared = max(most_shared, int((mirror.ref_cnt[1:] > 1).sum()))
    end = mirror.header
    assert end is not None and end.num_running == end.num_waiting == 0
    shown = {
        "first": end.step > 0,
        "mixed": most_shared > 0 and end.prefix_hit_tokens > 0,
        "prefix": most_shared > 0 and end.prefix_hit_tokens > 0,
        "overflow": end.num_preemptions > 0 and end.num_evictions > 0,
    }
    assert shown[kind]
    assert len(frames_of(recording)) > 2_000


def test_every_experiment_ships_a_recording_of_its_own_run() -> None:
    shipped = {path.stem.removeprefix(RECORDED_PREFIX) for path in EXPERIMENTAL}
    assert shipped == EXPERIMENTS.keys()


def test_the_recording_of_scheduling_has_the_short_questions_that_came_with_it() -> (
    None
):
    recording = read_recording(SHIPPED_DIR / f"{RECORDED_PREFIX}scheduling.svlr")
    header = recording.header
    mirror = PoolMirror(header.num_blocks, header.block_size)
    seen: set[int] = set()
    for trace in recording.traces():
        mirror.apply(trace)
        seen |= mirror.requests.keys()
    asked = EXPERIMENTS["scheduling"].defaults
    assert asked["late"] == 4
    assert len(seen) == asked["at_once"] + asked["longs"] + asked["late"]


@pytest.mark.parametrize("path", EXPERIMENTAL, ids=lambda path: path.stem)
def test_an_experiments_recording_is_of_its_whole_run(path: Path) -> None:
    experiment = EXPERIMENTS[path.stem.removeprefix(RECORDED_PREFIX)]
    recording = read_recording(path)
    header = recording.header
    words = f"Experiment: {experiment.title}"
    assert header.traffic == words[:MAX_TRAFFIC_CHARS]
    assert header.machine and header.model and header.date and header.versions["vllm"]
    assert path.stat().st_size <= 200_000
    mirror = PoolMirror(header.num_blocks, header.block_size)
    for trace in recording.traces():
        assert mirror.follows(trace)
        mirror.apply(trace)
    end = mirror.header
    assert end is not None and end.num_running == end.num_waiting == 0
    assert len(frames_of(recording)) > 2_000


def test_what_plays_without_an_engine_is_mixed_traffic_in_a_small_pool() -> None:
    first = min(library.recordings(), key=library.place)
    assert first.recording_id == "smollm2-cpu-mixed"
