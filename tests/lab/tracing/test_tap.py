"""The ring between scheduler and engine host: order, laps, switches, foreign files."""

import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine.config import PROJECT_DIR
from lab.tracing.tap import TapError, TapReader, TapWriter

CAPACITY = 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tap"


@pytest.fixture
def reader(path: Path) -> Iterator[TapReader]:
    reader = TapReader(path, CAPACITY)
    yield reader
    reader.close()


@pytest.fixture
def writer(reader: TapReader, path: Path) -> Iterator[TapWriter]:
    writer = TapWriter(path)
    yield writer
    writer.close()


def record(number: int, num_words: int = 10) -> bytes:
    """A record as long as its first word says."""
    return array("I", [num_words, *([number] * (num_words - 1))]).tobytes()


def numbers(records: list[bytes]) -> list[int]:
    """What was written, checked word by word."""
    found = []
    for one in records:
        words = array("I", one)
        assert words[0] == len(words) and len(set(words[1:])) == 1, "torn"
        found.append(words[1])
    return found


def test_records_arrive_whole_and_in_order(
    reader: TapReader, writer: TapWriter
) -> None:
    assert reader.read() == []
    for number in (1, 2, 3):
        writer.write(record(number, 5 + number))
    assert numbers(reader.read()) == [1, 2, 3]
    assert reader.read() == []


def test_a_record_may_lie_across_the_end_of_the_ring(
    reader: TapReader, writer: TapWriter
) -> None:
    for number in range(50):  # 500 words: the ring is passed seven times
        writer.write(record(number))
        if number % 3 == 2:
            assert numbers(reader.read()) == [number - 2, number - 1, number]
    assert reader.num_laps == 0


def test_a_ring_that_is_exactly_full_is_read_whole(
    reader: TapReader, writer: TapWriter
) -> None:
    writer.write(record(1, 7))
    reader.read()
    for number in range(4):
        writer.write(record(number, CAPACITY // 4))
    assert numbers(reader.read()) == [0, 1, 2, 3]
    assert reader.num_laps == 0


def test_a_lapped_reader_notices_and_asks_for_a_snapshot(
    reader: TapReader, writer: TapWriter
) -> None:
    assert not writer.is_snapshot_wanted
    for number in range(7):  # 70 words into 64
        writer.write(record(number))
    assert reader.read() == []
    assert reader.num_laps == 1 and writer.is_snapshot_wanted
    writer.mark_snapshot_served()
    writer.write(record(99))
    assert numbers(reader.read()) == [99]
    assert not writer.is_snapshot_wanted and reader.num_laps == 1


class OvertakenReader(TapReader):
    """The writer goes on while it copies."""

    writer: TapWriter

    def _copy(self, start: int, end: int) -> memoryview:
        copied = super()._copy(start, end)
        self.writer.write(record(6))
        return copied


def test_what_is_overwritten_while_it_is_read_is_not_believed(path: Path) -> None:
    reader = OvertakenReader(path, CAPACITY)
    reader.writer = writer = TapWriter(path)
    for number in range(6):
        writer.write(record(number))
    assert reader.read() == []
    assert reader.num_laps == 1 and writer.is_snapshot_wanted
    writer.close()
    reader.close()


def test_one_answer_serves_every_snapshot_asked_for_until_then(
    reader: TapReader, writer: TapWriter
) -> None:
    reader.ask_snapshot()
    reader.ask_snapshot()
    assert writer.is_snapshot_wanted
    writer.mark_snapshot_served()
    assert not writer.is_snapshot_wanted
    reader.ask_snapshot()
    assert writer.is_snapshot_wanted


def test_tracing_is_switched_by_the_reader(
    reader: TapReader, writer: TapWriter
) -> None:
    assert writer.is_enabled
    reader.enable(False)
    assert not writer.is_enabled
    reader.enable(True)
    assert writer.is_enabled


def test_a_record_larger_than_the_ring_is_refused(
    reader: TapReader, writer: TapWriter
) -> None:
    with pytest.raises(TapError, match="65 words does not fit"):
        writer.write(record(1, CAPACITY + 1))


@pytest.mark.parametrize(
    "content",
    [b"", b"short", b"x" * 64, b"\0" * 4096],
    ids=["empty", "short", "as long as a header", "zeros"],
)
def test_a_foreign_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(TapError, match="not a trace ring"):
        TapWriter(path)


def test_a_missing_or_cut_file_is_refused(path: Path, reader: TapReader) -> None:
    with pytest.raises(TapError, match="There is no trace ring"):
        TapWriter(path.with_name("nowhere"))
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TapError, match="cut short"):
        TapWriter(copy)


def test_a_reader_never_takes_over_a_file_that_exists(path: Path) -> None:
    path.write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        TapReader(path, CAPACITY)


def test_the_file_is_the_users_own_and_goes_with_the_reader(path: Path) -> None:
    reader = TapReader(path, CAPACITY)
    assert path.stat().st_mode & 0o777 == 0o600
    reader.close()
    assert not path.exists()


WRITER = """
import sys, time
from array import array
from pathlib import Path
from lab.tracing.tap import TapWriter
writer = TapWriter(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    size = 20 + number % 13
    writer.write(array("I", [size, *([number] * (size - 1))]).tobytes())
    if number % 50 == 0:
        time.sleep(0.001)
"""


def test_a_writer_in_another_process_is_followed_without_a_torn_record(
    path: Path,
) -> None:
    num_records = 20_000
    reader = TapReader(path, 4096)
    command = [sys.executable, "-c", WRITER, str(path), str(num_records)]
    process = subprocess.Popen(command, cwd=PROJECT_DIR)
    seen: list[int] = []
    last_look = False
    while not last_look:
        last_look = process.poll() is not None
        seen += numbers(reader.read())
        time.sleep(0.0005)
    assert process.returncode == 0
    assert seen == sorted(set(seen)), "out of order or twice"
    assert seen == list(range(num_records)) or (seen and reader.num_laps > 0)
    reader.close()
