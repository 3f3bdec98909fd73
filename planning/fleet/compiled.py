"""``compiled``: a function translated to machine code by numba, kept on disk.

numba looks only at a function's own file to see whether its kept code is stale. These
functions call each other across files, so the code is kept in a directory named by the
digest of all of them.
"""

import ast
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

import numba

ROOT = Path(__file__).resolve().parents[2]
_IS_COMPILED = re.compile(r"^ *@compiled$", re.MULTILINE)

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
    return Path(base) / _compiled_digest()


@lru_cache(maxsize=1)
def _compiled_digest() -> str:
    return _digest(compiled_sources())


def compiled_sources(root: Path = ROOT) -> set[Path]:
    """The modules with compiled functions, and all of planning that they import,
    directly or not."""
    found: set[Path] = set()
    unread = [
        path
        for path in root.glob("planning/**/*.py")
        if _IS_COMPILED.search(path.read_text())
    ]
    while unread:
        path = unread.pop()
        if path not in found:
            found.add(path)
            unread += _imported(path, root)
    return found


def _imported(path: Path, root: Path) -> list[Path]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            names += [one.name for one in node.names]
    paths = (root / f"{name.replace('.', '/')}.py" for name in names)
    return [path for path in paths if path.is_file()]


@lru_cache(maxsize=1)
def simulation_digest(root: Path = ROOT) -> str:
    """Changes when the result of a plan may: with the simulator, and with the traffic
    shapes that a plan names. All else a plan brings as its own figures."""
    catalog = root / "planning" / "catalog"
    shapes = [catalog / "traffic_shapes.py", catalog / "shapes.yaml"]
    return _digest([*root.glob("planning/fleet/*.py"), *shapes])


def _digest(paths: Iterable[Path]) -> str:
    content = b"".join(path.read_bytes() for path in sorted(paths))
    return hashlib.sha256(content).hexdigest()[:16]
