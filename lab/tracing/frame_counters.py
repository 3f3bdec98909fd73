"""The counters of a frame, read from its header alone."""

from typing import NamedTuple

from lab.tracing.frames import HEADER


class FrameCounters(NamedTuple):
    """As of one frame; numbers of evictions and preemptions count an engine run."""

    stamp_s: float
    """time.time() at the engine of the last step in it."""
    num_blocks: int
    """The null block included."""
    num_free_blocks: int
    num_waiting: int
    num_running: int
    num_evictions: int
    num_preemptions: int


def counters_of(frame: bytes) -> FrameCounters:
    """See docs/frame-format.md for where they stand."""
    fields = HEADER.unpack_from(frame)
    num_blocks, stamp_ms = fields[5], fields[10]
    free, waiting, running, evictions, preemptions = fields[13:18]
    return FrameCounters(
        stamp_s=stamp_ms / 1000,
        num_blocks=num_blocks,
        num_free_blocks=free,
        num_waiting=waiting,
        num_running=running,
        num_evictions=evictions,
        num_preemptions=preemptions,
    )
