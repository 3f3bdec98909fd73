"""Makes the golden frames of format 2 anew: ``python tests/data/make_grouped.py``.

Source are raw records of vLLM's own scheduler under a model with full attention, a
sliding window and states (grouped.steptraces, which ``--record`` makes anew).
"""

import json
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
sys.path.insert(0, str(DIRECTORY.parents[1]))

from tests.data.make_golden import golden, records_in  # noqa: E402

SHAPE = "full, a window and states"
NUM_BLOCKS, BLOCK_SIZE, STATE_EVERY = 90, 16, 15


def source() -> list[bytes]:
    """The records, from a snapshot on."""
    return records_in((DIRECTORY / "grouped.steptraces").read_bytes())


def record() -> None:
    """Make grouped.steptraces."""
    from lab.tracing.replay_notes import is_replay_note
    from lab.tracing.tap import TapReader
    from lab.tracing.trace import SteadyReader
    from tests.lab.tracing import group_shapes

    records, steady = b"", SteadyReader()
    with tempfile.TemporaryDirectory() as place:
        tap = TapReader(Path(place) / "tap")
        drive = group_shapes.Drive(group_shapes.make_scheduler(Path(place), SHAPE))
        for turn in range(160):
            drive.turn(adds=turn < 120)
            for one in tap.read():
                if not is_replay_note(one):
                    full = steady.expand(one)
                    assert full is not None
                    records += full
        tap.close()
    (DIRECTORY / "grouped.steptraces").write_bytes(records)


def made() -> tuple[list[bytes], dict[str, Any]]:
    """Frames and states, as make_golden has them."""
    return golden(source(), NUM_BLOCKS, BLOCK_SIZE, STATE_EVERY)


def main(arguments: list[str]) -> None:
    """Write grouped.frames and grouped.json."""
    if "--record" in arguments:
        record()
    frames, states = made()
    packed = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    (DIRECTORY / "grouped.frames").write_bytes(packed)
    (DIRECTORY / "grouped.json").write_text(told(states) + "\n")
    print(f"{len(source())} records, {len(frames)} frames, {len(states)} states")


def told(states: dict[str, Any]) -> str:
    """The states as they are kept."""
    return json.dumps(states, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1:])
