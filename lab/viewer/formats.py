"""Formats of frames, while engine hosts of two versions run. Pure.

A page reads the format of its own version and those before. A host that was upgraded
first sends a newer one: what it does cannot be shown, and that is said of that host.
"""

from lab.tracing.frames import FORMAT_VERSION

OLDEST_VERSION = 1
VERSION_BYTE = 8
"""Where the version stands: the same in every format (docs/frame-format.md)."""


def why_unreadable(frame: bytes) -> str:
    """A sentence where this version's pages do not read the frame; "" where they do."""
    version = frame[VERSION_BYTE]
    if OLDEST_VERSION <= version <= FORMAT_VERSION:
        return ""
    newer = version > FORMAT_VERSION
    return (
        f"This host sends frames of format {version}, which is "
        f"{'newer' if newer else 'older'} than what this page reads "
        f"({OLDEST_VERSION} to {FORMAT_VERSION}): it answers, but its blocks are not "
        f"shown until {'the web server' if newer else 'it'} is upgraded too."
    )
