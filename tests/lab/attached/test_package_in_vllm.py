"""The tracing package in the vLLM at hand: loaded by its name, and its tap is read.

With every supported version: tests/everything.py puts the others first in PYTHONPATH.
"""

from pathlib import Path

import pytest
from vllm import __version__

from lab.attached import package
from lab.tracing.own_tap import read_facts, read_refusal
from tests.lab.attached.engines import scheduler_alone
from tests.lab.attached.tap_reader import Reader

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]


def test_vllm_loads_it_by_its_name_and_its_tap_has_the_pool(tmp_path: Path) -> None:
    wheel = package.write_wheel(tmp_path)
    with scheduler_alone(tmp_path / "tap", wheel) as told:
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
    wheel = package.write_wheel(tmp_path)
    version = {"ALONE_VERSION": "0.99.0"}
    with scheduler_alone(tmp_path / "tap", wheel, **version) as told:
        assert told["scheduler"].startswith("vllm.v1.core.sched.")
        assert not (tmp_path / "tap").exists()
        assert sum(block[1] for block in told["blocks"]) > 5
