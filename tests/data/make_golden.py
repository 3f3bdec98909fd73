"""Makes the golden frames anew: ``python tests/data/make_golden.py`` in the root.

Source is real.steptraces: raw records of a real engine one after the other, as
lab/tracing/trace.py lays them out, from a snapshot on; real.json names its sizes. Run
this after a change of the frame format, and say in the commit why the frames changed.
"""

import json
import struct
import sys
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).parent
sys.path.insert(0, str(DIRECTORY.parents[1]))

from lab.tracing import trace  # noqa: E402
from lab.tracing.frames import FrameEncoder  # noqa: E402
from tests.lab.pool_state import pool_state  # noqa: E402

STATE_EVERY = 60
KEYFRAME_EVERY = 100


def records_in(raw: bytes) -> list[bytes]:
    """Raw records; each begins with its length in words."""
    records, at = [], 0
    while at < len(raw):
        (num_words,) = struct.unpack_from("<I", raw, at)
        records.append(raw[at : at + 4 * num_words])
        at += 4 * num_words
    return records


def source() -> tuple[list[bytes], int, int]:
    """Records from a snapshot on, number of blocks, block size."""
    sizes = json.loads((DIRECTORY / "real.json").read_text())
    records = records_in((DIRECTORY / "real.steptraces").read_bytes())
    return records, sizes["num_blocks"], sizes["block_size"]


def golden(
    records: list[bytes],
    num_blocks: int,
    block_size: int,
    state_every: int = STATE_EVERY,
) -> tuple[list[bytes], dict[str, Any]]:
    """Frames (of one, two, three, one, … traces), and states at some of them."""
    encoder = FrameEncoder("golden-host", 1, num_blocks, block_size)
    frames: list[bytes] = []
    states: dict[str, Any] = {}
    rest = 1
    for record in records:
        if not encoder.apply(trace.decode(record)):
            raise SystemExit("The source has a gap: it must begin with a snapshot.")
        rest -= 1
        if rest:
            continue
        rest = len(frames) % 3 + 1
        frame = encoder.next_frame(keyframe=len(frames) % KEYFRAME_EVERY == 0)
        assert frame is not None
        if len(frames) % state_every == 0:
            states[str(len(frames))] = pool_state(encoder.mirror)
        frames.append(frame)
    return frames, states


def main() -> None:
    """Write golden.frames and golden.json."""
    records, num_blocks, block_size = source()
    frames, states = golden(records, num_blocks, block_size)
    packed = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    (DIRECTORY / "golden.frames").write_bytes(packed)
    text = json.dumps(states, separators=(",", ":"))
    (DIRECTORY / "golden.json").write_text(text + "\n")
    print(f"{len(records)} records, {len(frames)} frames, {len(states)} states")


if __name__ == "__main__":
    main()
