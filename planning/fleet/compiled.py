"""``compiled``: a function translated to machine code by numba, kept on disk.

numba looks only at a function's own file to see whether its kept code is stale. These
functions call each other across files, so the code is kept in a directory named by the
digest of all of them.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numba

HERE = Path(__file__).parent

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
    return Path(base) / _digest(compiled_sources())


def compiled_sources() -> set[Path]:
    """The modules with compiled functions, and those that they import."""
    texts = {path: path.read_text() for path in HERE.glob("*.py")}
    compiled = {path for path, text in texts.items() if "\n@compiled\n" in text}
    imported = {
        HERE / f"{name}.py"
        for path in compiled
        for name in re.findall(r"^from planning\.fleet\.(\w+)", texts[path], re.M)
    }
    return compiled | imported


@lru_cache(maxsize=1)
def simulation_digest() -> str:
    """Changes when the result of a plan may: with the simulator, and with the traffic
    shapes that a plan names. All else a plan brings as its own figures."""
    catalog = HERE.parent / "catalog"
    shapes = [catalog / "traffic_shapes.py", catalog / "shapes.yaml"]
    return _digest([*HERE.glob("*.py"), *shapes])


def _digest(paths: Iterable[Path]) -> str:
    content = b"".join(path.read_bytes() for path in sorted(paths))
    return hashlib.sha256(content).hexdigest()[:16]
