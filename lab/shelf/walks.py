"""Walks through recordings, the last few kept in this process's memory."""

from collections import OrderedDict
from threading import Lock

from lab.recordings.reader import read_bytes
from lab.recordings.walk import Walk
from lab.shelf.access import Found

MOST_WALKS = 4

_walks: OrderedDict[tuple[str, str, int], Walk] = OrderedDict()
_lock = Lock()


def walk_of(found: Found) -> Walk:
    """The walk through it; raises RecordingError and OSError."""
    date = str(found.header["date"])
    kept_id = found.kept.recording_id if found.kept else found.reference
    key = (kept_id, date, found.num_bytes)
    with _lock:
        if key in _walks:
            _walks.move_to_end(key)
            return _walks[key]
    walk = Walk(read_bytes(found.file(), found.title, allow_cut=True))
    with _lock:
        _walks[key] = walk
        while len(_walks) > MOST_WALKS:
            _walks.popitem(last=False)
    return walk
