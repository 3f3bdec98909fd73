"""Engines that somebody owns, as processes of a test."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.engine.config import PROJECT_DIR
from lab.tracing.own_tap import AttachedTap, read_facts


@contextmanager
def own_engine(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A replayed engine that writes into ``directory`` until the block ends."""
    command = [sys.executable, "-m", "tests.lab.attached.replay_own", str(directory)]
    process = subprocess.Popen(command, cwd=PROJECT_DIR)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def head_of(directory: Path) -> int:
    """Words that its engine has written so far."""
    facts = read_facts(directory)
    assert facts is not None
    tap = AttachedTap(directory / facts["ring"])
    try:
        return tap._header[2]
    finally:
        tap.close()
