"""``compiled``: a function translated to machine code by numba, kept on disk.

numba looks only at a function's own file to see whether its kept code is stale. These
functions call each other across files, so the code is kept in a directory named by the
digest of all of them.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

SOURCES = (
    "fleet_state.py",
    "worker_events.py",
    "waiting.py",
    "scaling.py",
    "event_loop.py",
)


F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """``function`` compiled when it is first called; the same from Python's side."""
    numba.config.CACHE_DIR = str(_cache_directory())
    return cast(
        F,
        numba.njit(cache=True, error_model="numpy", forceinline=True, nogil=True)(
            function
        ),
    )


def _cache_directory() -> Path:
    """Below NUMBA_CACHE_DIR, which config/settings.py places in DATA_DIR."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in SOURCES))
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(
        tempfile.gettempdir(), f"servelab-compiled-{os.getuid()}"
    )
    return Path(base) / digest.hexdigest()[:16]
