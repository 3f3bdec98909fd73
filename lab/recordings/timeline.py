"""A recording as bars: what each request did in each step (lab/tracing/timeline.py)."""

from typing import Any

from lab.recordings.recording import Recording
from lab.tracing.mirror import PoolMirror
from lab.tracing.timeline import Span, Timeline

__all__ = ["MOST_STEPS", "Span", "timeline_of"]

MOST_STEPS = 100_000


def timeline_of(recording: Recording) -> dict[str, Any]:
    """Its bars as JSON; at most MOST_STEPS steps, the first ones."""
    header = recording.header
    mirror = PoolMirror(header.num_blocks, header.block_size)
    timeline = Timeline(MOST_STEPS + 1)
    for trace in recording.traces():
        if len(timeline.steps) >= MOST_STEPS:
            break
        if mirror.follows(trace):
            timeline.note(trace, mirror.apply(trace), mirror)
    return timeline.told()
