"""Engines that somebody owns, and who reads them, as processes of a test."""

import os
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


FOLLOW = """
import dataclasses, sys
from lab.attached.host import AttachedHost
from lab.engine.config import EngineConfig
from tests.lab.engine_host import Listener
listener = Listener()
config = dataclasses.replace(EngineConfig.from_env(), attach=sys.argv[1])
AttachedHost(config, listener).start()
listener.wait_for(lambda: listener.traces, 300)
print("follows", flush=True)
sys.stdin.read()
"""


@contextmanager
def attached_process(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """An attached host that writes "follows" when it has read something; killed at
    the end of the block at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(directory)],
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
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
