"""A checkpoint in the page cache: how much of it lies there, and out with it."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

SAMPLES = 64


def drop_from_page_cache(paths: Sequence[Path]) -> None:
    """Ask the kernel to forget these files; pages that somebody maps stay. No right is
    needed for it; where there is no such call nothing happens."""
    if not hasattr(os, "posix_fadvise"):
        return
    for path in paths:
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def share_in_page_cache(paths: Sequence[Path]) -> float | None:
    """Share of these files' pages in memory, of SAMPLES looked at; None where the
    system does not tell. A read that may not wait finds only what is there."""
    if sys.platform != "linux":
        return None
    looks = [_is_there(path, at) for path in paths for at in _places(path)]
    known = [look for look in looks if look is not None]
    return sum(known) / len(known) if known else None


def _places(path: Path) -> list[int]:
    size = path.stat().st_size
    return [size * number // SAMPLES for number in range(SAMPLES)] if size else []


def _is_there(path: Path, at: int) -> bool | None:
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(1)], at, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False
        except OSError:
            return None  # a file system that cannot answer
