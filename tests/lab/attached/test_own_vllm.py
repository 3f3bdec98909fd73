"""A real ``vllm serve`` with the tracing package, and the lab attached to it."""

import dataclasses
import os
import signal
from pathlib import Path

import pytest

from benchmarks import attach, vllm_serve
from lab.attached.host import AttachedHost
from lab.tracing.own_tap import read_facts
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from launcher.valkey import free_port
from tests.lab import engine_host
from tests.lab.engine_host import Listener

pytestmark = pytest.mark.engine

PROMPT = "Zebra quagga okapi, and their names in seven languages, please: "
WAIT_S = 60


def test_it_is_seen_and_says_nothing_of_its_prompts(tmp_path: Path) -> None:
    tap, port, listener = tmp_path / "tap", free_port(), Listener()
    config = engine_host.config(max_model_len=512, is_preloading=False)
    variables = {**os.environ, **engine_variables(this_machine(), config, os.environ)}
    variables |= attach.traced_by(tmp_path, tap)
    words = [*attach.command(config, port), *attach.SCHEDULER]
    host = AttachedHost(dataclasses.replace(config, attach=str(tap)), listener)
    host.start()
    try:
        with vllm_serve.served(words, variables, port) as server:
            listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
            assert host.status.model == Path(config.model).name
            for _ in range(2):
                attach.complete(port, config.model, 8 * PROMPT, 40)
            listener.wait_for(lambda: host.status.num_blocks, WAIT_S)
            _assert_seen(listener)
            _assert_secret(tap, listener)
            _kill_engine(tap)
            listener.wait_for(lambda: host.status.state == "restarting", WAIT_S)
            server.wait(WAIT_S)
    finally:
        host.stop()


def _assert_seen(listener: Listener) -> None:
    """The second one found in the cache what the first one left there."""
    listener.wait_for(lambda: len(listener.traces) >= 80, WAIT_S)
    rows = [row for trace in listener.traces for row in trace.requests.tolist()]
    assert {row[0] for row in rows} == {1, 2}
    assert max(row[3] for row in rows if row[0] == 2) >= 64


def _assert_secret(tap: Path, listener: Listener) -> None:
    written = b"".join(path.read_bytes() for path in tap.iterdir())
    told = b"".join([*listener.records, *listener.notes, written])
    assert b"cmpl-" not in told
    for word in ("Zebra", "quagga", "okapi", "languages"):
        assert word.encode() not in told
        assert word.lower().encode() not in told


def _kill_engine(tap: Path) -> None:
    facts = read_facts(tap)
    assert facts is not None
    os.kill(facts["pid"], signal.SIGKILL)
