"""One child process in a group of its own."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol

GRACE_S = 15.0
LOG_LIMIT_BYTES = 20 * 2**20


class Groups(Protocol):
    """Who is told which process groups there are."""

    def add(self, group: int) -> None:
        """One more."""

    def remove(self, group: int) -> None:
        """One has ended."""


class Child:
    """One process of the stack: started, watched, ended with its whole group."""

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        log: Path,
        guard: Groups,
    ) -> None:
        self.name = name
        self.log = log
        self._guard = guard
        log.parent.mkdir(exist_ok=True)
        rotate(log)
        self.log_start_bytes = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        guard.add(self._process.pid)

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The group's first process."""
        return self._process

    def exit_code(self) -> int | None:
        """None while it runs; afterwards nothing of its group is left."""
        code = self._process.poll()
        if code is not None:
            signal_group(self._process.pid, signal.SIGKILL)
            self._guard.remove(self._process.pid)
        return code

    def ask_to_end(self) -> None:
        """SIGTERM to its first process, which ends its own children in order."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait until ``deadline`` (time.monotonic()), then SIGKILL to the group."""
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                signal_group(self._process.pid, signal.SIGKILL)
                self._process.wait()
            time.sleep(0.02)

    def keep_log_short(self) -> None:
        """Set aside what it wrote so far when that has grown large; it writes on."""
        with contextlib.suppress(OSError):  # somebody has tidied up
            if self.log.stat().st_size > LOG_LIMIT_BYTES:
                set_aside(self.log)
                self.log_start_bytes = 0

    def last_words(self) -> str:
        """The last line that it wrote in this run, for an error message; "" without."""
        try:
            with self.log.open("rb") as file:
                file.seek(self.log_start_bytes)
                lines = file.read().decode(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1].strip() if lines else ""


def signal_group(group: int, number: int) -> None:
    """Send a signal to all processes of a group; none left is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def rotate(log: Path) -> None:
    """Keep one older log file when this one has grown large."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


def set_aside(log: Path) -> None:
    """Copy a log to its .log.1 and empty it, while a process appends to it.

    The process keeps its file, so renaming would move the writing along. What comes
    between the last look and the emptying is lost; the loop makes that microseconds.
    On a full disk the log is emptied without a copy: that is room for what learners do.
    """
    kept = log.with_suffix(".log.1")
    with log.open("r+b") as file:
        try:
            with kept.open("wb") as older:
                while chunk := file.read(2**20):
                    older.write(chunk)
        except OSError:
            with contextlib.suppress(OSError):
                kept.unlink()
        file.truncate(0)
