"""What a learner's recording may be, made here or uploaded: bounds of time and size."""

from lab.recordings.reader import MIB, ReadLimits

MAX_S = 600.0
"""Seconds that one recording from the page may last."""
MAX_BYTES = 2 * MIB
"""Of the file: it travels through the broker as one message."""
CLOSING_BYTES = 128 << 10
"""Kept free for the chunk that is being filled when a recording has to end."""
MAX_TRACES = 100_000
READ = ReadLimits(file=MAX_BYTES, chunk=32 * MIB, expanded=64 * MIB, traces=MAX_TRACES)
MAX_PLAIN_BYTES = 56 * MIB
"""Of traces, before they are compressed: below what is read again."""
MAX_NUM_BLOCKS = 1 << 20
MAX_SPAN_S = 3_600.0
MAX_FRAMES_BYTES = 64 * MIB
"""Of the frames file that the browser loads."""
MAX_HEADER_BYTES = 65_536
