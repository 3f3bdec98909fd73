"""A real ``vllm serve`` with the tracing package, and the lab attached to it."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import attach, vllm_serve
from lab.attached.host import AttachedHost
from lab.engine.config import EngineConfig
from lab.tracing.own_tap import read_facts
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from launcher.valkey import free_port
from tests.lab import engine_host
from tests.lab.attached.engines import attached_process, head_of
from tests.lab.engine_host import Listener

pytestmark = pytest.mark.engine

PROMPT = "Zebra quagga okapi, and their names in seven languages, please: "
WAIT_S = 300
Serve = Callable[[], AbstractContextManager[Any]]
Ask = Callable[[int], int]


@pytest.fixture
def tap(tmp_path: Path) -> Path:
    return tmp_path / "tap"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def config(tap: Path) -> EngineConfig:
    return engine_host.config(max_model_len=512, is_preloading=False, attach=str(tap))


@pytest.fixture
def serve(tmp_path: Path, tap: Path, port: int, config: EngineConfig) -> Serve:
    """Starts the engine; its directory is the same each time."""
    variables = {**os.environ, **engine_variables(this_machine(), config, os.environ)}
    variables |= attach.traced_by(tmp_path, tap)
    words = [*attach.command(config, port), *attach.SCHEDULER]
    return lambda: vllm_serve.served(words, variables, port)


@pytest.fixture
def ask(port: int, config: EngineConfig) -> Ask:
    """Tokens of an answer that is to have so many."""

    def asked(tokens: int) -> int:
        answer = attach.complete(port, config.model, 8 * PROMPT, tokens)
        num_tokens: int = answer["usage"]["completion_tokens"]
        return num_tokens

    return asked


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def host(listener: Listener, config: EngineConfig) -> Iterator[AttachedHost]:
    made = AttachedHost(config, listener)
    made.start()
    yield made
    made.stop()


def test_it_is_seen_and_says_nothing_of_its_prompts(
    host: AttachedHost, listener: Listener, tap: Path, serve: Serve, ask: Ask
) -> None:
    with serve():
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        assert host.status.model == Path(host.config.model).name
        assert [ask(40), ask(40)] == [40, 40]
        listener.wait_for(lambda: host.status.num_blocks, WAIT_S)
        _assert_seen(listener)
        _assert_secret(tap, listener)


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


def test_killed_on_either_side_it_does_not_hurt_the_other(
    listener: Listener, host: AttachedHost, tap: Path, serve: Serve, ask: Ask
) -> None:
    with serve() as server:
        with ThreadPoolExecutor(1) as others, attached_process(tap) as reader:
            assert ask(8) == 8
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"follows\n"
            before = head_of(tap)
            long = others.submit(ask, 100)
            listener.wait_for(lambda: head_of(tap) > before, WAIT_S)
            reader.kill()
            reader.wait()
            assert long.result() == 100
        assert ask(8) == 8
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        first = host.status.engine_run
        _kill_engine(tap)
        listener.wait_for(lambda: host.status.state == "restarting", WAIT_S)
        assert "has ended" in (host.status.reason or "")
        server.wait(WAIT_S)
    seen = len(listener.traces)
    with serve():
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        assert host.status.engine_run > first
        assert ask(16) == 16
        listener.wait_for(lambda: len(listener.traces) >= seen + 16, WAIT_S)


def _kill_engine(tap: Path) -> None:
    facts = read_facts(tap)
    assert facts is not None
    os.kill(facts["pid"], signal.SIGKILL)
