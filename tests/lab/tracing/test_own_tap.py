"""The tap of somebody's own engine: it makes the ring, readers come and go."""

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.tracing.own_tap import (
    SNAPSHOT_EVERY_S,
    AttachedTap,
    OwnTap,
    read_facts,
    read_refusal,
    refuse,
)
from lab.tracing.tap import HEADER_BYTES, TapError
from lab.tracing.trace import StepChanges, TraceHeader, TraceKind, decode, encode

FACTS: dict[str, Any] = {"format": 1, "num_blocks": 8}
LAPPED = 100_000
"""Records of 200 words: more than the ring has room for."""


class Writer:
    """An engine that takes steps."""

    def __init__(self, directory: Path) -> None:
        self.now = 0.0
        self.tap = OwnTap(directory, FACTS, lambda: self.now)
        self._numbers = itertools.count(1)

    def write(self, kind: TraceKind, num_words: int = 180) -> int:
        number = next(self._numbers)
        header = TraceHeader(kind, number, number, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        blocks = range(num_words)
        self.tap.write(encode(header, StepChanges(blocks=blocks)))
        return number

    def snapshot(self) -> int:
        self.tap.mark_snapshot_served()
        return self.write(TraceKind.SNAPSHOT)

    def run(self, num_records: int) -> int:
        """As OwnScheduler does: a snapshot whenever one is due."""
        last = 0
        for _ in range(num_records):
            last = self.write(TraceKind.SCHEDULE)
            if self.tap.is_snapshot_due:
                last = self.snapshot()
        return last


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path)
    yield made
    made.tap.close()


def attach(directory: Path) -> AttachedTap:
    facts = read_facts(directory)
    assert facts is not None
    return AttachedTap(directory / facts["ring"])


def numbers(records: list[bytes]) -> list[int]:
    return [decode(record).header.sequence for record in records]


def test_a_reader_that_comes_late_begins_with_the_last_snapshot(
    tmp_path: Path, writer: Writer
) -> None:
    writer.snapshot()
    writer.run(5)
    second = writer.snapshot()
    last = writer.run(3)
    reader = attach(tmp_path)
    records = reader.read()
    assert numbers(records) == list(range(second, last + 1))
    assert decode(records[0]).header.kind is TraceKind.SNAPSHOT
    assert reader.read() == []
    assert numbers([*reader.read(), *_after(reader, writer)]) == [last + 1]


def _after(reader: AttachedTap, writer: Writer) -> list[bytes]:
    writer.write(TraceKind.UPDATE)
    return reader.read()


def test_a_snapshot_that_is_being_written_is_not_begun_with(
    tmp_path: Path, writer: Writer
) -> None:
    first = writer.snapshot()
    writer.tap.mark_snapshot_served()
    assert numbers(attach(tmp_path).read()) == [first]


def test_a_lapped_reader_goes_on_from_the_last_snapshot(
    tmp_path: Path, writer: Writer
) -> None:
    writer.snapshot()
    reader = attach(tmp_path)
    reader.read()
    last = writer.run(LAPPED)
    assert reader.read() == []
    assert reader.num_laps == 1
    records = reader.read()
    assert decode(records[0]).header.kind is TraceKind.SNAPSHOT
    assert numbers(records)[-1] == last


def test_snapshots_come_by_time_and_by_distance(writer: Writer) -> None:
    assert writer.tap.is_snapshot_due
    writer.snapshot()
    assert not writer.tap.is_snapshot_due
    writer.now += SNAPSHOT_EVERY_S
    assert writer.tap.is_snapshot_due
    writer.snapshot()
    writes = 0
    while not writer.tap.is_snapshot_due:
        writer.write(TraceKind.SCHEDULE)
        writes += 1
    assert 1_000 < writes < LAPPED / 4


def test_a_reader_changes_nothing(tmp_path: Path, writer: Writer) -> None:
    writer.snapshot()
    ring = tmp_path / str((read_facts(tmp_path) or {})["ring"])
    before = ring.read_bytes()[:HEADER_BYTES]
    reader = attach(tmp_path)
    reader.ask_snapshot()
    reader.enable(False)
    reader.read()
    with pytest.raises(TypeError):
        reader._header[4] = 0
    reader.close()
    assert ring.read_bytes()[:HEADER_BYTES] == before
    assert writer.tap.is_enabled


ENGINE = """
import sys, time
from pathlib import Path
from lab.tracing.own_tap import OwnTap
tap = OwnTap(Path(sys.argv[1]), {"format": 1, "num_blocks": 8})
print("up", flush=True)
sys.stdin.read()
"""


def start_engine(directory: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", ENGINE, str(directory)]
    engine = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    assert engine.stdout.readline() == "up\n"
    return engine


def test_an_engine_that_was_killed_is_seen_to_be_gone(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        reader = attach(tmp_path)
        assert reader.is_alive
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        assert not reader.is_alive
        assert reader.read() == []  # its ring is still there


def test_the_next_engine_has_another_ring_and_takes_the_old_one_away(
    tmp_path: Path, writer: Writer
) -> None:
    before = attach(tmp_path)
    with start_engine(tmp_path) as engine:
        after = attach(tmp_path)
        assert after.is_alive
        assert not before.is_alive
        assert len(list(tmp_path.glob("ring-*"))) == 1
        engine.kill()


def test_an_engine_without_room_for_the_ring_is_told_so_at_once(
    tmp_path: Path,
) -> None:
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, -1))\n"
    )
    command = [sys.executable, "-c", limited + ENGINE, str(tmp_path)]
    ended = subprocess.run(command, input="", capture_output=True, text=True)
    assert "OSError" in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_facts_of_another_format_are_refused(tmp_path: Path) -> None:
    assert read_facts(tmp_path) is None
    (tmp_path / "facts.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(TapError, match="another version"):
        read_facts(tmp_path)


def test_a_refusal_is_told_in_the_place_of_facts(
    tmp_path: Path, writer: Writer
) -> None:
    refuse(tmp_path, "This model has two pools.")
    assert read_facts(tmp_path) is None
    assert read_refusal(tmp_path) == "This model has two pools."


def test_nobody_else_may_read_it(tmp_path: Path, writer: Writer) -> None:
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
