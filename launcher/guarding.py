"""The guard that ends all process groups when the launcher is gone, however it went.

A small process waits on a pipe (launcher.guard). When the launcher is gone the pipe
closes, and the guard ends every group that is still there.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from lab.worker import process_group


class Guard:
    """Ends the registered process groups when this process dies, also by SIGKILL. A
    guard that was killed itself is replaced, and what both leave is written down."""

    def __init__(self, records: Path) -> None:
        """``records`` is a directory for a file of each group."""
        self._records = records
        records.mkdir(exist_ok=True)
        self._groups: set[int] = set()
        self._begin()

    def _begin(self) -> None:
        read_end, self._write_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-m", "launcher.guard"],
            stdin=read_end,
            start_new_session=True,
        )
        os.close(read_end)

    def add(self, group: int) -> None:
        """Take a process group in."""
        self._groups.add(group)
        self._tell(f"+{group}\n")
        process_group.record(self._records / str(group), group)

    def remove(self, group: int) -> None:
        """The group has ended by itself."""
        self._groups.discard(group)
        (self._records / str(group)).unlink(missing_ok=True)
        self._tell(f"-{group}\n")

    def watch(self) -> None:
        """Put another in its place where it was killed."""
        if self._process.poll() is not None:
            os.close(self._write_end)
            self._begin()
            for group in self._groups:
                self._tell(f"+{group}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # watch() tells the next one all
            os.write(self._write_end, line.encode())

    def close(self) -> None:
        """The guard ends what is left and goes."""
        os.close(self._write_end)
        self._process.wait()


def end_left_over(records: Path) -> None:
    """End the groups of a launcher that was killed with its guard: a second Redis
    server on the same append-only file would write over the first one's words."""
    for path in sorted(records.glob("*")):
        process_group.end_recorded(path)
