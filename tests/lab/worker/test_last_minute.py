"""The last minute of an engine: cut at snapshots, kept as a recording when asked."""

import pytest

from lab.recordings.reader import read_bytes
from lab.tracing.replay_notes import Section, encode_note
from lab.worker import keeping, last_minute
from tests.lab.recordings.test_recorder import STATUS
from tests.lab.worker.test_keeping import ONE, TWO, Host


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path / "under-way")


def note(number: int) -> bytes:
    return encode_note(number, [(Section.FREE, [number])])


def snapshot(host: Host, number: int) -> list[bytes]:
    """A snapshot with its note, and a step."""
    host.keeper.on_replay_note(note(number))
    return host.tell([host.traffic.snapshot(), *host.traffic.step()])


def test_it_is_kept_from_the_snapshot_before_the_minute_on(host):
    snapshot(host, 1)
    host.now += 59
    host.tell(host.traffic.step())
    assert host.num_asked == 0
    host.now += 2
    host.tell(host.traffic.step())
    assert host.num_asked == 1
    kept = snapshot(host, 2)
    host.now += 30
    assert host.keeper.command("last", ONE)["num_traces"] > len(kept)
    host.now += 40
    kept += snapshot(host, 3)
    host.keeper.command("last", TWO)
    assert host.records_of(ONE)[-len(kept) :] != kept
    assert host.records_of(TWO) == kept


def test_the_file_has_what_a_rehearsal_needs(host):
    snapshot(host, 1)
    host.keeper.on_replay_note(note(2))
    host.tell(host.traffic.step())
    host.keeper.command("last", ONE)
    host.records_of(ONE)
    assert read_bytes(host.handed[ONE][0], "it").notes == [note(1), note(2)]
    assert host.num_asked == 0


def test_before_the_first_step_there_is_none(host):
    reply = host.keeper.command("last", ONE)
    assert reply == {"state": "refused", "error": keeping.NO_MINUTE}
    snapshot(host, 1)
    host.keeper.on_engine_start()
    host.keeper.on_status(STATUS)
    assert host.keeper.command("last", ONE)["state"] == "refused"


def test_a_busy_minute_is_cut_before_it_is_too_large(host, monkeypatch):
    monkeypatch.setattr(last_minute, "MOST_BYTES", 40_000)
    snapshot(host, 1)
    for number in range(2, 60):
        for _ in range(10):
            host.tell(host.traffic.step())
        if host.num_asked:
            host.num_asked = 0
            snapshot(host, number)
    held = host.keeper._last_minute.items()
    assert 0 < sum(len(record) for _, record in held) < 60_000
