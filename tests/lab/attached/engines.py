"""Engines that somebody owns, and who reads them, as processes of a test."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.engine.config import PROJECT_DIR
from lab.tracing.own_tap import TAP_VARIABLE, AttachedTap, read_facts
from tests.lab import engine_host

ALONE = Path(__file__).with_name("scheduler_alone.py")


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


@contextmanager
def scheduler_alone(
    tap: Path, package: Path, **variables: str
) -> Iterator[dict[str, Any]]:
    """What an interpreter without the lab tells, which lives until the block ends.

    ``package``: the tracing package's wheel, or where it was installed.
    """
    before = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    command = [sys.executable, "-I", str(ALONE), str(engine_host.model_dir())]
    process = subprocess.Popen(
        [*command, str(package), *before],
        cwd=tap.parent,
        env={**os.environ, TAP_VARIABLE: str(tap), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        lines = (line for line in process.stdout if line.startswith("{"))
        yield json.loads(next(lines))
        process.stdin.close()
        assert process.wait() == 0
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
