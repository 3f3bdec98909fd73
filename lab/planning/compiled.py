"""``compiled``: a function translated to machine code by numba, kept on disk.

numba looks only at a function's own file to see whether its kept code is stale. These
functions call each other across files, so the code is kept in a directory named by the
digest of all of them.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import lru_cache
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
    base = os.environ.get("NUMBA_CACHE_DIR") or Path(
        tempfile.gettempdir(), f"servelab-compiled-{os.getuid()}"
    )
    return Path(base) / code_digest(*SOURCES)


@lru_cache(maxsize=2)
def code_digest(*names: str) -> str:
    """Of these modules of this package, or of all: changes when results may."""
    here = Path(__file__).parent
    paths = [here / name for name in names] or sorted(here.glob("*.py"))
    content = b"".join(path.read_bytes() for path in paths if path.is_file())
    return hashlib.sha256(content).hexdigest()[:16]
