"""What runs that were killed left in shared memory.

servelab-<process id>-…              a run's tap, by its engine host
__KMP_REGISTERED_LIB_<process id>_…  Intel's OpenMP, by each process that loads it
"""

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

SHARED = Path("/dev/shm")
_OWNED = re.compile(r"(?:servelab-|__KMP_REGISTERED_LIB_)(\d+)[-_]")


def make_directory(fallback: Path) -> Path:
    """A new directory of this process's, in shared memory where there is some."""
    root = SHARED if os.access(SHARED, os.W_OK) else fallback
    return Path(tempfile.mkdtemp(prefix=f"servelab-{os.getpid()}-", dir=root))


def under_one_name(directory: Path, name: Path) -> Path:
    """``name``, through which ``directory`` is found, in the place of one before it."""
    made = name.with_name(f"{name.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    made.symlink_to(directory)
    return made.replace(name)


def clear(root: Path = SHARED) -> int:
    """Remove what belongs to no process any more; how many entries that were. What is
    another user's stays."""
    num_removed = 0
    for path in root.glob("*"):
        owner = _OWNED.match(path.name)
        if owner is None or _is_alive(int(owner[1])):
            continue
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            num_removed += 1
    return num_removed


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
