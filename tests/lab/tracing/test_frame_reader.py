"""FrameReader against the mirror that the frames were made from."""

import random

from lab.tracing.frame_reader import FrameReader, sequence_of
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import RequestState, decode
from tests.lab.step_traces import Traffic


def _told(mirror):
    return [
        (one.short_id, one.state, one.num_computed_tokens, tuple(one.block_ids))
        for _, one in sorted(mirror.requests.items())
    ]


def _read(seen):
    return [
        (one.short_id, one.state, one.num_computed_tokens, one.block_ids)
        for one in seen.requests
    ]


def test_what_is_read_is_what_the_mirror_has_frame_by_frame():
    rng = random.Random(5)
    traffic = Traffic(num_blocks=40, block_size=4, max_running=12, prompt=(8, 60))
    encoder, reader = FrameEncoder("host", 1, 40, 4), FrameReader()
    encoder.apply(decode(traffic.snapshot()))
    states = set()
    for number in range(400):
        for record in traffic.step():
            encoder.apply(decode(record))
        if rng.random() < 0.4:
            continue  # several steps in a frame
        frame = encoder.next_frame(keyframe=number % 60 == 0)
        seen = reader.apply(frame)
        assert _read(seen) == _told(encoder.mirror)
        header = encoder.mirror.header
        assert seen.step == header.step
        assert seen.counters.num_free_blocks == header.num_free_blocks
        states |= {one.state for one in seen.requests}
        held = {block for one in seen.requests for block in one.block_ids}
        assert len(held) == 40 - 1 - header.num_free_blocks
    assert states >= {RequestState.RUNNING, RequestState.PREEMPTED}


def test_a_delta_that_does_not_follow_is_left_out_until_a_keyframe():
    traffic = Traffic(num_blocks=64, block_size=16)
    encoder, reader = FrameEncoder("host", 1, 64, 16), FrameReader()
    encoder.apply(decode(traffic.snapshot()))
    frames = []
    for number in range(6):
        for record in traffic.step():
            encoder.apply(decode(record))
        frames.append(encoder.next_frame(keyframe=number == 4))
    assert reader.sequence is None and reader.apply(frames[1]) is None
    assert reader.apply(frames[0]) is not None
    assert reader.apply(frames[2]) is None
    assert reader.sequence == sequence_of(frames[0])
    assert reader.apply(frames[4]) is not None and reader.apply(frames[5]) is not None
