"""The recorder of an engine host, and the command that follows it."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from django.core.management import CommandError, call_command

from lab import client
from lab.engine.config import EngineConfig
from lab.management.commands import record
from lab.messages import EngineStatus, MemorySample
from lab.recordings import recorder as recorder_module
from lab.recordings.reader import read_recording
from lab.recordings.recorder import Recorder
from lab.tracing.replay_notes import Section, encode_note
from lab.tracing.trace import decode
from lab.worker import bootstep
from tests.lab.fake_engine import FakeEngine
from tests.lab.step_traces import Traffic

STATUS = EngineStatus(
    "host-a", "ready", 1.79e9, model="a model", device="CPU engine", machine="here",
    versions={"vllm": "0.32.0"}, block_size=4, num_blocks=64, engine_run=5,
)  # fmt: skip
SAMPLE = MemorySample("host-a", 1.79e9, "CPU engine", False, process_bytes=7)


class Host:
    """What drives a recorder: the taps of a host, and its clock."""

    def __init__(self, directory: Path) -> None:
        self.now = 100.0
        self.num_asked = 0
        self.traffic = Traffic()
        self.recorder = Recorder(directory, self._ask, clock=lambda: self.now)
        self.recorder.on_status(STATUS)

    def _ask(self) -> None:
        self.num_asked += 1

    def tell(self, records: list[bytes]) -> list[bytes]:
        for one in records:
            self.recorder.on_trace(one, decode(one))
            self.recorder.on_memory(SAMPLE)
        self.recorder.on_poll()
        return records

    def finish(self) -> dict:
        session = self.recorder._session
        assert session is not None
        session.writer._thread.join(20)
        return self.recorder.command("state")


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path / "recordings")


def test_what_a_replay_needs_is_kept_from_the_first_snapshot_on(host) -> None:
    notes = [encode_note(number, [(Section.FREE, [number])]) for number in range(4)]
    host.recorder.command("start", "a", 10.0, "")
    for note in notes[:2]:
        host.recorder.on_replay_note(note)
    host.tell([host.traffic.snapshot()])
    host.recorder.on_replay_note(notes[2])
    host.tell(host.traffic.step())
    host.recorder.command("stop")
    host.recorder.on_replay_note(notes[3])

    reply = host.finish()

    assert read_recording(Path(reply["path"])).notes == notes[1:3]


def test_a_recording_begins_with_a_snapshot_and_ends_in_time(host) -> None:
    host.tell(host.traffic.step())
    reply = host.recorder.command("start", "a", 10.0, "eight at once")
    assert reply["state"] == "waiting"
    host.tell(host.traffic.step())
    assert host.num_asked == 1
    kept = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.now += 9
    kept += host.tell(host.traffic.step())
    assert host.recorder.command("state")["state"] == "recording"
    assert host.recorder.command("state")["seconds_left"] == 1.0
    host.now += 2
    host.tell([])
    host.tell(host.traffic.step())

    reply = host.finish()

    assert reply["state"] == "done"
    recording = read_recording(Path(reply["path"]))
    assert recording.records == kept and reply["num_traces"] == len(kept)
    assert recording.samples == [SAMPLE] * len(kept)
    assert recording.header.traffic == "eight at once"
    assert recording.header.machine == "here"
    assert recording.header.engine_run == 5
    assert host.num_asked == 1


def test_a_recording_that_is_stopped_holds_what_came_so_far(host) -> None:
    host.recorder.command("start", "a", 10.0)
    kept = host.tell(host.traffic.records(3))
    host.recorder.command("stop")
    host.tell(host.traffic.step())

    assert read_recording(Path(host.finish()["path"])).records == kept


def test_an_engine_restart_ends_the_recording_before_it(host) -> None:
    host.recorder.command("start", "a", 10.0)
    kept = host.tell(host.traffic.records(3))
    host.recorder.on_engine_start()
    host.tell(Traffic(seed=3).records(3))

    assert read_recording(Path(host.finish()["path"])).records == kept
    refusal = host.recorder.command("start", "b", 10.0)
    assert refusal == {
        "state": "refused",
        "error": "The engine is not ready yet: there is no block pool.",
    }


def test_an_engine_that_takes_no_step_leaves_no_file_and_a_sentence(host) -> None:
    host.recorder.command("start", "a", 10.0)
    host.now += recorder_module.MAX_WAIT_S + 1
    host.tell([])

    reply = host.finish()

    assert reply["state"] == "failed" and "took no step" in reply["error"]
    assert list(Path(reply["path"]).parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "seconds", "sentence"),
    [
        ("../a", 1, "not allowed"),
        ("", 1, "not allowed"),
        ("a/b", 1, "not allowed"),
        ("a", 0, "0 seconds"),
        ("a", 1e9, "up to 3600"),
        ("a", float("nan"), "cannot be recorded"),
    ],
)
def test_names_and_lengths_that_are_not_allowed_are_refused(
    name, seconds, sentence, host
) -> None:
    reply = host.recorder.command("start", name, seconds)

    assert reply["state"] == "refused" and sentence in reply["error"]
    assert host.recorder.command("state") == {"state": "idle"}


def test_a_second_recording_and_a_name_in_use_are_refused(host) -> None:
    host.recorder.command("start", "a", 10.0)
    host.tell(host.traffic.records(1))
    assert "being recorded" in host.recorder.command("start", "b", 1.0)["error"]
    host.recorder.command("stop")
    host.finish()

    assert "choose another name" in host.recorder.command("start", "a", 1.0)["error"]
    assert "none of start" in host.recorder.command("dance")["error"]


class RecordingEngine(FakeEngine):
    """Asks the host's recorder, as the control command does."""

    is_silent = False

    def __init__(self, host) -> None:
        super().__init__(STATUS)
        self.host = host

    def ask(self, name, arguments, num_replies=None, within_s=1.0):
        assert name == "lab_record"
        if self.is_silent:
            return []
        known = dict(arguments)
        assert known.pop("engine_host_id") == "host-a"
        return [self.host.recorder.command(**known)]


@pytest.fixture
def engine(host):
    return RecordingEngine(host)


class TimedCommand(record.Command):
    """manage.py record on the host's clock; a second passes with every sleep."""

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host

    def clock(self) -> float:
        return self.host.now

    def sleep(self, seconds: float) -> None:
        host, session = self.host, self.host.recorder._session
        host.now += seconds
        if session is None:
            return
        is_new = session.reply()["state"] == "waiting"
        host.tell(([host.traffic.snapshot()] if is_new else []) + host.traffic.step())
        if not session.is_open:
            host.finish()


@pytest.fixture
def command(host, engine):
    """Runs manage.py record against the host."""

    def call(*arguments: str) -> str:
        out = io.StringIO()
        call_command(TimedCommand(host), *arguments, stdout=out)
        return out.getvalue()

    with client.transport(engine):
        yield call


def test_the_command_records_and_says_where_the_file_lies(command, host) -> None:
    words = command("--seconds", "5", "--out", "a.svlr", "--traffic", "a demo")

    path = host.recorder._directory / "a.svlr"
    assert words.splitlines()[-1].startswith(f"{path}: ")
    assert read_recording(path).header.traffic == "a demo"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seconds", "5", "--out", "../a"), "not allowed"),
        (("--seconds", "-1", "--out", "a"), "more than 0"),
        (("--seconds", "5", "--out", "a", "--host", "b"), "No engine host 'b'"),
    ],
)
def test_the_command_refuses_with_a_sentence(arguments, sentence, command) -> None:
    with pytest.raises(CommandError, match=sentence):
        command(*arguments)


def test_the_command_passes_the_hosts_refusal_on(command, host) -> None:
    command("--seconds", "2", "--out", "a")

    with pytest.raises(CommandError, match="choose another name"):
        command("--seconds", "2", "--out", "a")


def test_without_a_ready_engine_the_command_says_so(command, engine) -> None:
    engine.hosts = []

    with pytest.raises(CommandError, match="No engine host is ready"):
        command("--seconds", "5", "--out", "a")


def test_a_host_that_stays_silent_ends_the_command(command, engine) -> None:
    engine.is_silent = True

    with pytest.raises(CommandError, match="does not answer"):
        command("--seconds", "5", "--out", "a")


def test_only_the_host_that_is_named_replies_to_the_control_command(
    host, monkeypatch
) -> None:
    class Worker:
        """An EngineWorker of which only the recorder is asked."""

        listener = SimpleNamespace(recorder=host.recorder)

        def __init__(self, config: EngineConfig) -> None:
            self.config = config

        def start(self) -> None:
            """No engine runs."""

        stop = start

    class Step(bootstep.EngineHostStep):
        worker_class = Worker

    monkeypatch.setenv("ENGINE_HOST_ID", "host-a")
    step = Step(None)
    step.start(SimpleNamespace(app=Celery("tests", set_as_current=False)))

    assert bootstep.lab_record(None, "host-b", "state") is None
    assert bootstep.lab_record(None, "host-a", "state") == {"state": "idle"}
    start = {"name": "a", "seconds": 5.0, "traffic": ""}
    assert bootstep.lab_record(None, "host-a", "start", **start)["state"] == "waiting"
    step.stop(None)
    assert bootstep.lab_record(None, "host-a", "state") is None
