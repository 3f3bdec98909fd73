"""The frames of a recorded trace, byte for byte as they were."""

import json
import struct

from tests.data import make_grouped
from tests.data.make_golden import DIRECTORY, golden, source


def test_the_recorded_trace_gives_the_golden_frames_byte_for_byte() -> None:
    expected = json.loads((DIRECTORY / "golden.json").read_text())

    frames, states = golden(*source())

    packed = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    assert packed == (DIRECTORY / "golden.frames").read_bytes()
    assert states == expected
    assert len(states) >= 4


def test_a_trace_of_several_groups_gives_the_golden_frames_of_format_2() -> None:
    expected = json.loads((DIRECTORY / "grouped.json").read_text())

    frames, states = make_grouped.made()

    packed = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    assert packed == (DIRECTORY / "grouped.frames").read_bytes()
    assert states == expected
    assert len(states) >= 4
    assert {frame[8] for frame in frames} == {2}
