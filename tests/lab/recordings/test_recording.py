"""Recordings: what is written is read back exactly, and what is not one is refused."""

import dataclasses
import json
import lzma
import struct
import zlib
from pathlib import Path

import pytest

from lab.messages import MemorySample
from lab.recordings.columns import from_columns, to_columns
from lab.recordings.frames_file import frames_of
from lab.recordings.reader import ReadLimits, read_recording
from lab.recordings.recording import (
    CHUNK_HEAD,
    FILE_HEAD,
    FLUSH_EVERY_S,
    TRACES_PER_CHUNK,
    Recording,
    RecordingError,
    RecordingHeader,
    RecordingWriter,
)
from lab.tracing.replay_notes import Section, encode_note
from lab.tracing.trace import TraceError, decode
from tests.data.make_golden import source
from tests.lab.step_traces import Traffic

pytestmark = pytest.mark.slow

HEADER = RecordingHeader(
    engine_host_id="host-a",
    engine_run=2,
    num_blocks=372,
    block_size=32,
    machine="a processor, 2 cores",
    device="CPU engine",
    model="a model",
    versions={"vllm": "0.32.0"},
    date="2026-11-23T18:00:00+00:00",
    traffic="made up",
    phases=[{"name": "load weights", "started_s": 6.5, "seconds": 0.4}],
)
FULL_LOAD = {
    "block_size": 32, "max_running": 32, "budget": 512, "prompt": (100, 1000),
    "output": (32, 256), "abort_chance": 0.0002, "num_prefixes": 4,
}  # fmt: skip


def sample(number: int) -> MemorySample:
    return MemorySample(
        "host-a", 1.79e9 + number / 3, "CPU engine", False, process_bytes=number
    )


def written(path: Path, records: list[bytes], samples: int = 3) -> Path:
    writer = RecordingWriter(path, HEADER)
    for record in records:
        writer.add_trace(record)
    for number in range(samples):
        writer.add_memory(sample(number))
    writer.close()
    return path


def chunk_kinds(file: bytes) -> list[bytes]:
    """Of the file's chunks, in order."""
    kinds, at = [], FILE_HEAD.size
    while at < len(file):
        kind, length, _ = CHUNK_HEAD.unpack_from(file, at)
        kinds.append(kind)
        at += CHUNK_HEAD.size + length
    return kinds


def full_load(num_steps: int, **mix) -> list[bytes]:
    """Traffic at full load: 32 run, and a few always wait."""
    traffic = Traffic(**FULL_LOAD, **mix)
    records = [traffic.snapshot()]
    for _ in range(num_steps):
        traffic.arrivals_per_step = 1.0 if len(traffic.waiting) < 8 else 0.0
        records += traffic.step()
    assert len(traffic.running) > 20
    return records


def test_what_a_replay_needs_is_read_back_in_order(tmp_path) -> None:
    notes = [encode_note(number, [(Section.FREE, [number])]) for number in range(3)]
    records = Traffic().records(3)
    writer = RecordingWriter(tmp_path / "a.svlr", HEADER)
    for record in records:
        writer.add_trace(record)
    for note in notes:
        writer.add_note(note)
    writer.close()

    recording = read_recording(tmp_path / "a.svlr")

    assert recording.notes == notes
    assert recording.records == records


def test_the_writers_thread_is_woken_for_whole_chunks_only(tmp_path) -> None:
    """Woken for each trace it took the interpreter from the engine host each time."""
    path = tmp_path / "a.svlr"
    writer = RecordingWriter(path, HEADER)
    records = Traffic(step_ns=50_000_000).records(700)
    assert len(records) < TRACES_PER_CHUNK
    for record in records:
        writer.add_trace(record)
    for number in range(5):
        writer.add_memory(sample(number))
    writer.close()
    writer.add_trace(records[0])

    kinds = chunk_kinds(path.read_bytes())
    seconds = 700 * 0.05
    assert kinds.count(b"T") == 1 + seconds // FLUSH_EVERY_S
    assert kinds.count(b"M") == 1
    assert read_recording(path).records == records


@pytest.mark.parametrize("seed", range(5))
def test_every_trace_and_sample_is_read_back_exactly(seed, tmp_path) -> None:
    records = Traffic(seed=seed, num_blocks=30 + 40 * seed).records(1100)

    recording = read_recording(written(tmp_path / "a.svlr", records))

    assert recording.records == records
    assert recording.samples == [sample(number) for number in range(3)]
    assert recording.header == HEADER
    assert not recording.is_cut


def test_a_real_trace_is_read_back_exactly(tmp_path) -> None:
    records, _, _ = source()

    recording = read_recording(written(tmp_path / "a.svlr", records))

    assert recording.records == records
    first, *_, last = recording.traces()
    nanoseconds = last.header.stamp_ns - first.header.stamp_ns
    assert recording.duration_s == pytest.approx(nanoseconds / 1e9)


@pytest.mark.parametrize("num_blocks", [372, 1456])
def test_ten_minutes_at_full_load_are_at_most_two_megabytes(
    num_blocks, tmp_path
) -> None:
    a_fifth = full_load(2 * 60 * 22, num_blocks=num_blocks)

    path = written(tmp_path / "a.svlr", a_fifth, samples=120)

    assert path.stat().st_size <= 2_000_000 / 5


def test_an_empty_stretch_of_traces_is_nothing() -> None:
    assert from_columns(to_columns([])) == []


def test_streams_that_do_not_fit_are_refused() -> None:
    columns = to_columns(Traffic().records(20))
    for at in range(0, len(columns) - 4, 4):
        for word in (0, 1, 0xFFFFFFFF):
            forged = columns[:at] + struct.pack("<I", word) + columns[at + 4 :]
            try:
                records = from_columns(forged)
            except TraceError:
                continue
            assert len(records) <= 41
    for length in range(0, len(columns), 11):
        with pytest.raises(TraceError):
            from_columns(columns[:length])


def test_while_it_is_recorded_the_file_bears_another_name(tmp_path) -> None:
    path = tmp_path / "new" / "a.svlr"
    writer = RecordingWriter(path, HEADER)
    assert not path.exists() and writer.part.exists()

    writer.close()

    assert path.exists() and not writer.part.exists()
    assert writer.is_done and writer.num_bytes == path.stat().st_size


def test_a_recording_that_broke_off_is_refused_or_read_up_to_there(tmp_path) -> None:
    records = Traffic().records(2100)
    whole = written(tmp_path / "a.svlr", records).read_bytes()
    cut = tmp_path / "cut.svlr"
    header_end = 8 + 9 + struct.unpack_from("<I", whole, 9)[0]
    for length in (len(whole) - 1, len(whole) - 40, len(whole) // 2, header_end):
        cut.write_bytes(whole[:length])

        with pytest.raises(RecordingError, match=r"cut\.svlr is cut short"):
            read_recording(cut)
        part = read_recording(cut, allow_cut=True)

        assert part.is_cut
        assert part.records == records[: len(part.records)]
    cut.write_bytes(whole[:-40])
    assert len(read_recording(cut, allow_cut=True).records) >= 2048


def test_every_changed_byte_is_found(tmp_path) -> None:
    whole = written(tmp_path / "a.svlr", Traffic().records(3)).read_bytes()
    damaged = tmp_path / "damaged.svlr"
    for at in range(len(whole)):
        damaged.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(RecordingError, match=r"damaged\.svlr is .+"):
            read_recording(damaged)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not a recording"),
        (b"GIF89a" + bytes(100), "is not a recording"),
        (b"SVLR" + struct.pack("<I", 9) + bytes(50), "version 9"),
        (b"SVLR" + struct.pack("<I", 1), "cut short"),
    ],
)
def test_a_foreign_file_is_refused_with_a_sentence(content, sentence, tmp_path) -> None:
    path = tmp_path / "other.gif"
    path.write_bytes(content)

    with pytest.raises(RecordingError, match=rf"other\.gif.*{sentence}"):
        read_recording(path)


def test_a_file_that_is_not_there_is_refused_with_a_sentence(tmp_path) -> None:
    with pytest.raises(RecordingError, match=r"none\.svlr cannot be read: No such"):
        read_recording(tmp_path / "none.svlr")


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack("<cII", kind, len(payload), zlib.crc32(kind + payload)) + payload


def forged(path: Path, *chunks: bytes, header: dict | None = None) -> Path:
    """A file with right checksums around whatever is in the chunks."""
    values = dataclasses.asdict(HEADER) if header is None else header
    head = b"SVLR" + struct.pack("<I", 1) + chunk(b"H", json.dumps(values).encode())
    path.write_bytes(head + b"".join(chunks))
    return path


def test_a_chunk_that_would_fill_the_memory_is_refused(tmp_path) -> None:
    bomb = lzma.compress(bytes(2 << 20), lzma.FORMAT_XZ)

    path = forged(tmp_path / "bomb.svlr", chunk(b"M", bomb), chunk(b"E", b"{}"))

    with pytest.raises(RecordingError, match=r"bomb\.svlr is damaged.*beyond"):
        read_recording(path, limits=ReadLimits(chunk=1 << 20))


def test_many_chunks_that_would_fill_the_memory_are_refused(tmp_path) -> None:
    blank = chunk(b"M", lzma.compress(b"[" + b" " * (300 << 10) + b"]"))

    path = forged(tmp_path / "bomb.svlr", *[blank] * 4, chunk(b"E", b"{}"))

    with pytest.raises(RecordingError, match="beyond"):
        read_recording(path, limits=ReadLimits(expanded=1 << 20))


def test_a_file_that_is_too_large_is_not_even_read(tmp_path) -> None:
    path = written(tmp_path / "a.svlr", [])

    with pytest.raises(RecordingError, match="too large"):
        read_recording(path, limits=ReadLimits(file=100))


@pytest.mark.parametrize(
    "change",
    [
        {"num_blocks": 0},
        {"num_blocks": 1 << 40},
        {"num_blocks": "372"},
        {"block_size": True},
        {"engine_run": -1},
        {"model": 7},
        {"versions": []},
    ],
)
def test_a_header_of_wrong_values_is_refused(change, tmp_path) -> None:
    header = dataclasses.asdict(HEADER) | change

    with pytest.raises(RecordingError, match="header has a value"):
        read_recording(forged(tmp_path / "a.svlr", header=header))


def test_a_header_that_lacks_a_field_is_refused(tmp_path) -> None:
    header = dataclasses.asdict(HEADER)
    del header["model"], header["date"]

    with pytest.raises(RecordingError, match="lacks date, model"):
        read_recording(forged(tmp_path / "a.svlr", header=header))


def test_a_trace_with_a_block_beyond_the_pool_is_refused(tmp_path) -> None:
    records = Traffic(num_blocks=500, arrivals_per_step=3, max_running=40).records(60)

    with pytest.raises(RecordingError, match="beyond 372"):
        read_recording(written(tmp_path / "a.svlr", records))


def test_foreign_chunks_samples_and_counts_are_refused(tmp_path) -> None:
    path = tmp_path / "a.svlr"
    packed = lzma.compress(b'[{"engine_host_id": "a", "colour": "red"}]')
    for chunks, sentence in [
        ([chunk(b"Z", b"")], "unknown kind"),
        ([chunk(b"M", packed)], "colour"),
        ([chunk(b"M", lzma.compress(b"7"))], "damaged"),
        ([chunk(b"M", b"not XZ")], "damaged"),
        ([chunk(b"E", b'{"num_traces": 1, "num_samples": 0}')], "ends with"),
        ([chunk(b"E", b"[1]")], "damaged"),
    ]:
        with pytest.raises(RecordingError, match=sentence):
            read_recording(forged(path, *chunks))


def test_a_writer_that_gets_no_trace_says_so_and_leaves_no_recording(tmp_path) -> None:
    path = tmp_path / "a.svlr"
    writer = RecordingWriter(path, HEADER)
    writer.add_trace(b"not a trace")

    with pytest.raises(RecordingError, match=r"a\.svlr was not recorded"):
        writer.close()

    assert not path.exists()


def test_a_directory_that_cannot_be_made_is_a_sentence(tmp_path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(RecordingError, match="cannot be written"):
        RecordingWriter(tmp_path / "file" / "a.svlr", HEADER)


def test_traces_that_contradict_each_other_make_no_frames() -> None:
    traffic = Traffic()
    records = traffic.records(30)
    other = dataclasses.replace(HEADER, num_blocks=8)

    with pytest.raises(RecordingError, match="contradicts itself"):
        frames_of(Recording(other, records))


def test_a_recording_without_a_snapshot_makes_no_frames() -> None:
    with pytest.raises(RecordingError, match="no snapshot"):
        frames_of(Recording(HEADER, Traffic().records(5)[1:]))


def test_the_first_trace_is_decoded_as_it_was(tmp_path) -> None:
    records = Traffic().records(1)
    [first, *_] = read_recording(written(tmp_path / "a.svlr", records)).traces()

    assert first.header == decode(records[0]).header
