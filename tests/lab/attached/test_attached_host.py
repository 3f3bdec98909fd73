"""A host that is attached: it shows what the engine does, and touches nothing."""

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.attached.host import READS_ONLY, AttachedHost
from lab.engine.config import EngineConfig
from lab.errors import SettingError
from lab.recordings.reader import read_bytes
from lab.tracing.own_tap import refuse
from lab.worker.listener import EngineListener
from tests.lab.attached.engines import attached_process, head_of, own_engine
from tests.lab.engine_host import Listener, question

WAIT_S = 60


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def tap(tmp_path: Path) -> Path:
    return tmp_path / "tap"


@pytest.fixture
def host(listener: Listener, tap: Path) -> Iterator[AttachedHost]:
    made = AttachedHost(config(tap), listener)
    made.start()
    yield made
    made.stop()


def config(tap: Path) -> EngineConfig:
    return dataclasses.replace(EngineConfig.from_env(), attach=str(tap))


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.02)


def test_it_waits_for_an_engine_and_says_so(
    host: AttachedHost, listener: Listener, tap: Path
) -> None:
    listener.wait_for(lambda: host.status.reason)
    assert host.status.state == "starting"
    assert str(tap) in (host.status.reason or "")
    assert host.status.reads_only


def test_it_follows_the_engine_that_comes(
    host: AttachedHost, listener: Listener, tap: Path
) -> None:
    with own_engine(tap):
        listener.wait_for(lambda: len(listener.traces) > 300, WAIT_S)
        status = host.status
        assert status.state == "ready"
        assert (status.model, status.device) == ("somebodys-model", "CPU engine")
        assert status.max_concurrent_requests == 16
        assert status.versions == {"vllm": "0.32.0"}
        assert status.max_output_tokens is None
        assert not status.takes_requests
        mirror = host.mirror
        assert mirror is not None and mirror.requests


def test_an_engine_that_dies_is_told_and_the_next_one_is_another_run(
    host: AttachedHost, listener: Listener, tap: Path
) -> None:
    with own_engine(tap) as engine:
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        first = host.status.engine_run
        engine.send_signal(signal.SIGKILL)
        listener.wait_for(lambda: host.status.state == "restarting", WAIT_S)
        assert "has ended" in (host.status.reason or "")
    seen = len(listener.traces)
    with own_engine(tap):
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        assert host.status.engine_run > first
        listener.wait_for(lambda: len(listener.traces) > seen + 50, WAIT_S)


def test_an_engine_that_is_not_traced_says_why(
    host: AttachedHost, listener: Listener, tap: Path
) -> None:
    refuse(tap, "This model has two pools.")
    listener.wait_for(lambda: host.status.reason == "This model has two pools.", WAIT_S)


def test_requests_are_refused_with_a_sentence(
    host: AttachedHost, listener: Listener, tap: Path
) -> None:
    with own_engine(tap):
        listener.wait_for(lambda: host.status.state == "ready", WAIT_S)
        report = host.submit(question("one", "Who are you?", 4)).result(WAIT_S)
        assert (report.finish_reason, report.error) == ("error", READS_ONLY)
        assert host.count_tokens([[]]).result(WAIT_S) is None
        assert host.reset_prefix_cache().result(WAIT_S) is None
        host.restart("as if staff asked")
        host.loop.call_soon_threadsafe(host.ask_snapshot)
        before = head_of(tap)
        until(lambda: head_of(tap) > before)
        assert host.status.state == "ready"


def test_it_leaves_the_tap_as_it_is(listener: Listener, tap: Path) -> None:
    with own_engine(tap) as engine:
        until(lambda: list(tap.glob("facts.json")))
        names = sorted(path.name for path in tap.iterdir())
        host = AttachedHost(config(tap), listener)
        host.start()
        listener.wait_for(lambda: len(listener.traces) > 50, WAIT_S)
        host.stop()
        assert sorted(path.name for path in tap.iterdir()) == names
        before = head_of(tap)
        until(lambda: head_of(tap) > before)
        assert engine.poll() is None


def test_a_reader_that_is_killed_does_not_hurt_the_engine(tap: Path) -> None:
    with own_engine(tap) as engine:
        until(lambda: list(tap.glob("facts.json")))
        with attached_process(tap) as reader:
            assert reader.stdout is not None
            assert reader.stdout.readline() == b"follows\n"
            reader.send_signal(signal.SIGSTOP)
            before = head_of(tap)
            until(lambda: head_of(tap) > before + 10_000)
        before = head_of(tap)
        until(lambda: head_of(tap) > before + 10_000)
        assert engine.poll() is None


class Outlet:
    """Stands for the Publisher: keeps frames and samples."""

    has_room = True

    def __init__(self, *_: Any) -> None:
        self.frames: list[bytes] = []
        self.notes: list[str] = []

    async def run(self) -> None:
        """Nothing to drain."""

    def frame(self, host: str, run: int, seq: int, is_key: bool, frame: bytes) -> None:
        self.frames.append(frame)

    def memory(self, sample: Any) -> None:
        self.notes.append(sample.note)

    def status(self, *_: Any) -> None:
        """Not looked at here."""

    recording = metrics = request_event = report = status


def test_frames_and_a_recording_come_as_of_an_engine_of_the_labs(
    tap: Path, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    listener = EngineListener(
        config(tap),
        host_class=AttachedHost,
        publisher_class=Outlet,  # type: ignore[arg-type]
    )
    outlet: Any = listener.publisher
    with own_engine(tap):
        listener.host.start()
        until(lambda: listener.host.status.state == "ready")
        until(lambda: len(outlet.frames) > 20 and outlet.notes)
        assert (
            outlet.notes[0]
            == "The memory of somebody else's engine is not seen from here."
        )
        reply = listener.recorder.command("start", name="mine", seconds=2.0)
        assert reply["state"] != "refused", reply
        until(lambda: listener.recorder.command("state")["state"] == "done")
    listener.host.stop()
    listener.recorder.close()
    (path,) = (tmp_path / "recordings").glob("mine*")
    recording = read_bytes(path.read_bytes(), "mine")
    assert recording.header.model == "somebodys-model"


def test_what_is_attached_to_is_a_directory() -> None:
    with pytest.raises(SettingError, match="ENGINE_ATTACH is 'tap'"):
        EngineConfig.from_env({**os.environ, "ENGINE_ATTACH": "tap"})


def test_beside_an_engine_of_others_there_is_no_second_one() -> None:
    made = EngineConfig.from_env({**os.environ, "ENGINE_ATTACH": "/dev/shm/one"})
    assert (made.second_memory_mb, made.is_preloading) == (0, False)
    assert made.rehearsal_memory_mb == 3000, "a rehearsal asks the engine nothing"
