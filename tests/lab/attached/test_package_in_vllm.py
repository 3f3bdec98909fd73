"""The tracing package in the vLLM at hand: loaded by its name, and its tap is read.

With every supported version: tests/everything.py puts the others first in PYTHONPATH.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from vllm import __version__

from lab.attached import package
from lab.tracing.own_tap import TAP_VARIABLE, read_facts, read_refusal
from tests.lab import engine_host
from tests.lab.attached.tap_reader import Reader

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

ALONE = Path(__file__).with_name("scheduler_alone.py")


@contextmanager
def alone(directory: Path, **more: str) -> Iterator[dict[str, Any]]:
    """What an interpreter without the lab tells, which lives until the block ends."""
    before = [path for path in os.environ.get("PYTHONPATH", "").split(":") if path]
    wheel = package.write_wheel(directory)
    command = [sys.executable, "-I", str(ALONE), str(engine_host.model_dir())]
    process = subprocess.Popen(
        [*command, str(wheel), *before],
        cwd=directory,
        env={**os.environ, TAP_VARIABLE: str(directory / "tap"), **more},
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


def test_vllm_loads_it_by_its_name_and_its_tap_has_the_pool(tmp_path: Path) -> None:
    with alone(tmp_path) as told:
        assert told["vllm"] == __version__
        assert told["scheduler"] == "servelab_tracing.own_scheduler.OwnScheduler"
        assert told["ours"] == []
        facts = read_facts(tmp_path / "tap")
        assert facts is not None and facts["versions"]["vllm"] == __version__
        assert read_refusal(tmp_path / "tap") == ""
        reader = Reader(tmp_path / "tap")
        reader.follow()
        assert reader.tap.is_alive
        assert [list(block) for block in reader.blocks()] == told["blocks"]
        assert sum(block[1] for block in told["blocks"]) > 5
    assert not reader.tap.is_alive
    written = b"".join(path.read_bytes() for path in (tmp_path / "tap").iterdir())
    assert b"cmpl-" not in written


def test_a_vllm_that_it_does_not_know_serves_untraced(tmp_path: Path) -> None:
    with alone(tmp_path, ALONE_VERSION="0.99.0") as told:
        assert told["scheduler"].startswith("vllm.v1.core.sched.")
        assert not (tmp_path / "tap").exists()
        assert sum(block[1] for block in told["blocks"]) > 5
