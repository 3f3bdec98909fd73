"""What the start needs of the machine besides programs: room, and open files."""

import resource
import shutil
import tempfile
from pathlib import Path

from launcher.stages import LaunchError

LEAST_FREE_MIB = 100
MOST_FILES = 65_536


def require_room(data_dir: Path, least_mib: int = LEAST_FREE_MIB) -> None:
    """Raises LaunchError where DATA_DIR cannot be written, or is all but full."""
    try:
        with tempfile.NamedTemporaryFile(dir=data_dir) as file:
            file.write(b"x" * 65_536)
            file.flush()
        free_mib = shutil.disk_usage(data_dir).free // 2**20
    except OSError as error:
        raise LaunchError(
            f"DATA_DIR ({data_dir}) cannot be written ({error.strerror}): make room or "
            "mend its permissions, or name another one with DATA_DIR=…"
        ) from error
    if free_mib < least_mib:
        raise LaunchError(
            f"DATA_DIR ({data_dir}) has {free_mib} MiB left; Servelab needs at least "
            f"{least_mib} MiB: make room, or name another one with DATA_DIR=…"
        )


def raise_open_files() -> int:
    """The soft limit of open files, for this process and what it starts, up to the hard
    one: each socket of a page is one, and 1,024 are few. Returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft
