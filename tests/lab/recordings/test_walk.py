"""What a walk says at a step is what its engine's host said then, whichever way it came
there."""

import random

import pytest

from lab.recordings import library
from lab.recordings.reader import read_bytes
from lab.recordings.walk import Walk
from lab.tracing.chronicle import Chronicle
from lab.tracing.heat import heat_of
from lab.tracing.mirror import PoolMirror
from lab.tracing.observation import Observer


def shipped(recording_id: str):
    content = library.file(recording_id)
    assert content is not None
    return read_bytes(content, recording_id)


@pytest.fixture(scope="module")
def recording():
    return shipped("experiment-full-house")


@pytest.fixture(scope="module")
def true(recording) -> dict:
    """By step: state and heat at its end, by one who only goes forward."""
    header = recording.header
    mirror = PoolMirror(header.num_blocks, header.block_size)
    chronicle = Chronicle(header.num_blocks)
    said = {}
    for trace in recording.traces():
        chronicle.note(trace, mirror.apply(trace), mirror)
        observer = Observer(header.engine_host_id, header.engine_run, mirror, chronicle)
        state = observer.observe(now_s=trace.header.stamp_ns / 1e9)
        said[trace.header.step] = state, heat_of(chronicle.ledger, trace.header.step)
    return said


def test_it_says_what_the_host_said_at_every_step(recording, true) -> None:
    walk = Walk(recording, copy_every=50)
    assert walk.has_notes and walk.settings is not None
    steps = sorted(true)
    order = [*steps[::9], *random.Random(3).sample(steps, 40)]
    for step in order:
        assert walk.at(step) == true[step]
    states = [state for state, _ in true.values()]
    assert any(state.candidates for state in states)
    assert any(state.tree for state in states)


def test_beyond_its_ends_it_says_the_first_and_the_last(recording, true) -> None:
    walk = Walk(recording)
    assert walk.at(10**9) == true[max(true)]
    first, _ = walk.at(0)
    assert first is not None and first.step == min(true)


def test_a_recording_without_notes_says_so() -> None:
    walk = Walk(shipped("smollm2-cpu-mixed"))
    assert not walk.has_notes and walk.settings is None
    state, _ = walk.at(500)
    assert state is not None and state.lookups == []
