"""Who follows an own engine's tap from outside, in a test's process."""

from pathlib import Path

from lab.tracing.mirror import PoolMirror
from lab.tracing.own_tap import AttachedTap, read_facts
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.trace import SteadyReader, decode


class Reader:
    """Begins at the last snapshot."""

    def __init__(self, directory: Path) -> None:
        facts = read_facts(directory)
        assert facts is not None
        self.tap = AttachedTap(directory / facts["ring"])
        self.mirror = PoolMirror(facts["num_blocks"], facts["block_size"])
        self._steady = SteadyReader()

    def follow(self) -> None:
        """All that is written, by now."""
        for record in self.tap.read():
            if is_replay_note(record):
                continue
            full = self._steady.expand(record)
            assert full is not None
            trace = decode(full)
            assert self.mirror.follows(trace)
            self.mirror.apply(trace)

    def blocks(self) -> list[tuple[int, bool]]:
        """Reference count of each block, and whether it has a hash."""
        mirror = self.mirror
        return list(zip(mirror.ref_cnt.tolist(), mirror.has_hash.tolist(), strict=True))
