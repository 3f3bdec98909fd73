"""Export for Perfetto: the Trace Event Format, and that it tells what happened.

Perfetto's own trace processor is in no package (the PyPI package downloads it when it
runs), so the rules of the format are checked here:
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

import json
from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from lab.recordings.chrome_trace import ENGINE, REQUESTS, trace_events
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.recordings.recording import Recording
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import RequestState

SHIPPED = ("mixed", "overflow", "prefix", "first")
METADATA = {
    "process_name": "name", "process_sort_index": "sort_index", "thread_name": "name",
}  # fmt: skip

Event = dict[str, Any]


@pytest.fixture(scope="module", params=SHIPPED)
def recording(request: pytest.FixtureRequest) -> Recording:
    return read_recording(SHIPPED_DIR / f"smollm2-cpu-{request.param}.svlr")


@pytest.fixture(scope="module")
def events(recording: Recording) -> list[Event]:
    return list(trace_events(recording))


def slices(events: list[Event], process: int) -> dict[int, list[Event]]:
    """Complete events of a process by their track, in order of time."""
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "X" and event["pid"] == process:
            found[event["tid"]].append(event)
    return {tid: sorted(own, key=lambda one: one["ts"]) for tid, own in found.items()}


def test_each_event_has_the_fields_that_its_phase_asks_for(events) -> None:
    assert {event["ph"] for event in events} == {"M", "X", "C"}
    for event in events:
        assert isinstance(event["name"], str) and event["name"]
        assert type(event["pid"]) is int and type(event["tid"]) is int
        if event["ph"] == "M":
            assert set(event["args"]) == {METADATA[event["name"]]}
            continue
        assert isinstance(event["ts"], float) and event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
        else:
            assert event["args"] and all(
                isinstance(value, int) for value in event["args"].values()
            )
    json.dumps(events, allow_nan=False)


def test_slices_of_a_track_never_overlap(events) -> None:
    """On a thread's track they nest or stand apart (https://perfetto.dev/docs/reference/
    synthetic-track-event, read 2026-11-26)."""
    for process in (ENGINE, REQUESTS):
        for own in slices(events, process).values():
            for one, after in pairwise(own):
                assert one["ts"] + one["dur"] <= after["ts"] + 0.01


def test_every_request_has_a_named_track_whose_slices_join(recording, events) -> None:
    mirror = PoolMirror(recording.header.num_blocks, recording.header.block_size)
    known: set[int] = set()
    ended = {}
    for trace in recording.traces():
        ended |= {one.short_id: one for one in mirror.apply(trace)}
        known |= mirror.requests.keys()
    tracks = slices(events, REQUESTS)
    names = {
        event["tid"]: event["args"]["name"]
        for event in events
        if event["name"] == "thread_name" and event["pid"] == REQUESTS
    }

    assert set(tracks) == set(names) == known
    for short_id, own in tracks.items():
        assert names[short_id] == f"request {short_id:03x}"
        for one, after in pairwise(own):
            assert one["ts"] + one["dur"] == pytest.approx(after["ts"], abs=0.01)
        assert {one["name"] for one in own} <= {
            "waiting", "prefill", "decode", "preempted",
        }  # fmt: skip
    for short_id, request in ended.items():
        last = tracks[short_id][-1]["args"]
        assert last["finish"] == request.finish.name.lower()
        assert last["num_prompt_tokens"] == request.num_prompt_tokens


def test_counters_tell_blocks_that_sum_to_the_pool(recording, events) -> None:
    blocks = [event for event in events if event["name"] == "KV-cache blocks"]

    assert len(blocks) > recording.duration_s * 5
    for event in blocks:
        assert sum(event["args"].values()) == recording.header.num_blocks - 1


def test_preemptions_show_on_their_tracks() -> None:
    recording = read_recording(SHIPPED_DIR / "smollm2-cpu-overflow.svlr")
    mirror = PoolMirror(recording.header.num_blocks, recording.header.block_size)
    preempted: Counter[int] = Counter()
    for trace in recording.traces():
        mirror.apply(trace)
        for short_id, word, _, _ in trace.requests.tolist():
            preempted[short_id] += word & 0xFF == RequestState.PREEMPTED

    tracks = slices(list(trace_events(recording)), REQUESTS)

    assert preempted.total() > 0
    for short_id, own in tracks.items():
        shown = sum(one["name"] == "preempted" for one in own)
        assert shown == preempted[short_id]


def test_the_command_writes_a_file_that_perfetto_opens(tmp_path) -> None:
    out = tmp_path / "mixed.json"
    call_command("exportrecording", "smollm2-cpu-mixed", out=str(out))

    written = json.loads(out.read_text())
    assert set(written) == {"traceEvents", "displayTimeUnit"}
    assert len(written["traceEvents"]) > 1_000


def test_the_command_names_what_there_is(tmp_path) -> None:
    with pytest.raises(CommandError, match=r"no recording nothing: .*smollm2-"):
        call_command("exportrecording", "nothing")
    foreign = tmp_path / "a.svlr"
    foreign.write_bytes(b"PK")
    with pytest.raises(CommandError, match="is not a recording"):
        call_command("exportrecording", str(foreign))
