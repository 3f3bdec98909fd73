"""A launcher under test: started as a user does, its processes found in /proc."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = ("REDIS_URL", "DATABASE_URL", "PORT", "SECRET_KEY", "MAKELEVEL")


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """The environment of a launcher, without what the tests set for themselves."""
    inherited = {k: v for k, v in os.environ.items() if k not in SETTINGS}
    return {**inherited, "DATA_DIR": str(data_dir), "ENGINE": "off", **variables}


class Process(NamedTuple):
    """One line of the system's process table."""

    parent: int
    start: int
    """In clock ticks since boot: tells a process from a later one of the same id."""
    command: str


def read_processes() -> dict[int, Process]:
    """The processes of the system that are not zombies, by id."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            state, parent, *rest = (
                (folder / "stat").read_text().rpartition(")")[2].split()
            )
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
        if state != "Z" and folder.name.isdigit():
            found[int(folder.name)] = Process(int(parent), int(rest[17]), command)
    return found


class RunningStack:
    """``python -m launcher.stack`` with its output; ``end`` leaves nothing behind."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.output = data_dir / "terminal.txt"
        self._known: dict[int, int] = {}
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "launcher.stack"],
                cwd=ROOT,
                env=environment(data_dir, **variables),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell's background jobs ignore it, and so would this one.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def text(self) -> str:
        """What stands on the terminal so far."""
        return self.output.read_text()

    def wait_for(self, text: str, timeout_s: float = 150) -> None:
        """Wait until the terminal shows ``text``."""
        self.wait_until(lambda: text in self.text, timeout_s)

    def wait_until(self, is_true: Callable[[], bool], timeout_s: float = 150) -> None:
        """Wait for a condition; fails with what the terminal shows."""
        end = time.monotonic() + timeout_s
        while not is_true():
            assert time.monotonic() < end, self.text
            time.sleep(0.05)

    def processes(self) -> dict[int, str]:
        """Process ids and command lines of the launcher's descendants, seen now or in
        an earlier call, that still live (their environments tell nothing: Celery
        overwrites them with process titles)."""
        table = read_processes()
        family = {self.process.pid}
        for process_id in sorted(table, key=lambda i: table[i].start):
            if table[process_id].parent in family:
                family.add(process_id)
        for process_id in family - {self.process.pid}:
            self._known[process_id] = table[process_id].start
        return {
            process_id: table[process_id].command
            for process_id, start in self._known.items()
            if process_id in table and table[process_id].start == start
        }

    def end(self) -> None:
        """Ask it to end; kill what does not."""
        self.processes()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for process_id in self.processes():
            os.kill(process_id, signal.SIGKILL)
