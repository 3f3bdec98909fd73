"""A directory that appears whole or not at all, in one rename."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_directory(directory: Path) -> Iterator[Path]:
    """Yields a place beside ``directory`` to write into. After the block it takes the
    place of ``directory`` and what that held; an exception leaves all as it was."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".making-", dir=directory.parent))
    try:
        yield work
        work.chmod(0o755)
        shutil.rmtree(directory, ignore_errors=True)
        work.rename(directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)
