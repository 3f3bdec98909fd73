"""The keeper of an engine host: learners' recordings, several at once, handed over."""

from pathlib import Path

import pytest

from lab.recordings import limits
from lab.recordings.reader import read_bytes
from lab.tracing.trace import decode
from lab.worker import keeping
from lab.worker.keeping import MAX_AT_ONCE, Keeper
from tests.lab.recordings.test_recorder import SAMPLE, STATUS
from tests.lab.step_traces import Traffic

ONE, TWO = "1" * 32, "2" * 32


class Host:
    """What drives a keeper, and what it handed over."""

    def __init__(self, directory: Path) -> None:
        self.now = 100.0
        self.directory = directory
        self.num_asked = 0
        self.handed: dict[str, tuple[bytes, str]] = {}
        self.traffic = Traffic()
        self.keeper = Keeper(directory, self._ask, self._take, clock=lambda: self.now)
        self.keeper.on_status(STATUS)

    def _ask(self) -> None:
        self.num_asked += 1

    def _take(self, recording_id: str, file: bytes, sentence: str) -> None:
        assert recording_id not in self.handed
        self.handed[recording_id] = file, sentence

    def tell(self, records: list[bytes]) -> list[bytes]:
        for one in records:
            self.keeper.on_trace(one, decode(one))
            self.keeper.on_memory(SAMPLE)
        self.keeper.on_poll()
        return records

    def records_of(self, recording_id: str, says: str = "") -> list[bytes]:
        for session in self.keeper._all:
            if not session.is_open:
                session.writer.wait()
        self.keeper.on_poll()
        file, sentence = self.handed[recording_id]
        assert sentence == says
        return read_bytes(file, "it", limits=limits.READ).records


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path / "under-way")


def test_two_learners_record_at_once_each_their_own_stretch(host):
    assert host.keeper.command("start", ONE)["state"] == "waiting"
    host.tell([])
    first = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.keeper.command("start", TWO)
    host.tell([])
    both = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.keeper.command("stop", ONE)
    rest = host.tell(host.traffic.step())
    host.keeper.command("stop", TWO)

    assert host.num_asked == 2
    assert host.records_of(ONE) == [*first, *both]
    assert host.records_of(TWO) == [*both, *rest]
    assert list(host.directory.iterdir()) == []


def test_it_ends_after_the_minutes_that_are_allowed(host):
    host.keeper.command("start", ONE)
    kept = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.now += limits.MAX_S + 1
    host.tell([])
    host.tell(host.traffic.step())

    assert host.records_of(ONE, keeping.LATE) == kept


def test_it_ends_when_it_is_as_large_as_may_be(host, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PLAIN_BYTES", 2_000)
    host.keeper.command("start", ONE)
    kept = host.tell([host.traffic.snapshot()])
    while len(b"".join(kept)) < 2_000:
        kept += host.tell(host.traffic.step())
    host.tell(host.traffic.step())

    assert host.records_of(ONE, keeping.FULL) == kept


def test_a_recording_ends_with_its_engine_run(host):
    host.keeper.command("start", ONE)
    kept = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.keeper.on_engine_start()

    assert host.records_of(ONE) == kept
    assert "not ready" in host.keeper.command("start", TWO)["error"]


def test_an_engine_that_takes_no_step_leaves_a_sentence(host):
    host.keeper.command("start", ONE)
    host.keeper.command("stop", ONE)
    host.keeper.close()

    assert host.handed == {ONE: (b"", keeping.NOTHING)}
    assert host.keeper.command("stop", ONE) == {"state": "idle"}


def test_what_cannot_be_written_is_told_without_where_it_lay(host):
    host.keeper.command("start", ONE)
    host.tell([host.traffic.snapshot()])
    host.keeper.on_trace(b"\0" * 80, decode(host.traffic.snapshot()))
    host.keeper.close()

    assert host.handed == {ONE: (b"", keeping.NOT_WRITTEN)}


def test_so_many_at_once_and_no_more(host):
    for number in range(MAX_AT_ONCE):
        host.keeper.command("start", f"{number:032x}")
    assert host.keeper.command("start", "f" * 32) == {
        "state": "refused",
        "error": keeping.BUSY,
    }


def test_a_host_that_stops_hands_over_what_it_has(host):
    host.keeper.command("start", ONE)
    kept = host.tell([host.traffic.snapshot(), *host.traffic.step()])
    host.keeper.close()

    assert read_bytes(host.handed[ONE][0], "it").records == kept


def test_what_an_earlier_process_left_goes(tmp_path):
    (tmp_path / "old.svlr.part").write_bytes(b"half")
    Host(tmp_path)
    assert not tmp_path.exists()
