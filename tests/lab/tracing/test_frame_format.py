"""docs/frame-format.md, tested: frames are read by what its tables say and no more."""

import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from lab.tracing import trace
from lab.tracing.frames import HEADER, FrameEncoder
from tests.data.make_golden import golden, source
from tests.lab.node import REPOSITORY
from tests.lab.step_traces import Traffic

TEXT = (REPOSITORY / "docs" / "frame-format.md").read_text()
TYPES = {"uint8": "B", "uint16": "H", "uint32": "I", "float64": "d", "4 bytes": "4s"}


def table_under(heading: str) -> list[list[str]]:
    """Rows of the first table below a heading, without its head."""
    text = TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return rows[2:]


def columns(section: str) -> list[str]:
    return [row[0] for row in table_under(section)]


class DocumentedFrame:
    """One frame, read by the tables of the document."""

    def __init__(self, frame: bytes) -> None:
        self.frame, self.at = frame, 0
        self.header = dict(self._header())
        is_keyframe = self.header["kind"] == 0
        self._read_tables()
        self.progress = self._section(columns("Section `progress`"))
        self.waiting = {name: self._list() for name in columns("Section `waiting`")}
        if is_keyframe:
            self.has_hash = self._take((self.header["num_blocks"] + 7) // 8)
            self.blocks = self._section(columns("Section `blocks` of a keyframe"))
        else:
            self.blocks = self._section(columns("Section `blocks` of a delta"))

    def _read_tables(self) -> None:
        self.requests = self._section(columns("Section `requests`"))
        self.tables = self._section(columns("Section `tables`"))
        self.block_ids = self._list()

    def _take(self, num_bytes: int) -> bytes:
        part = self.frame[self.at : self.at + num_bytes]
        assert len(part) == num_bytes
        self.at += num_bytes
        return part

    def _header(self) -> Iterator[tuple[str, Any]]:
        length = 0
        for offset, kind, name, _ in table_under("Header"):
            assert int(offset) == self.at, name
            if kind == "UTF-8":
                yield name, self._take(length).decode()
                continue
            layout = struct.Struct("<" + TYPES[kind])
            [length] = layout.unpack(self._take(layout.size))
            yield name, length

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def _column(self, count: int) -> list[int]:
        if count == 0:
            return []
        [width] = self._take(1)
        if width == 0:
            return [self._number()] * count
        layout = {1: "B", 2: "H", 4: "I"}[width]
        return list(struct.unpack(f"<{count}{layout}", self._take(count * width)))

    def _ascending(self, count: int) -> list[int]:
        numbers = [self._number()]
        for difference in self._column(count - 1):
            assert difference >= 1
            numbers.append(numbers[-1] + difference)
        return numbers

    def _section(self, names: list[str]) -> dict[str, list[int]]:
        count = self._number()
        if count == 0:
            return {name: [] for name in names}
        first = {names[0]: self._ascending(count)}
        return first | {name: self._column(count) for name in names[1:]}

    def _list(self) -> list[int]:
        return self._column(self._number())


def test_every_golden_frame_reads_to_its_last_byte_as_documented() -> None:
    frames, _ = golden(*source())
    kinds = set()

    for number, frame in enumerate(frames):
        read = DocumentedFrame(frame)
        kinds.add(read.header["kind"])
        assert read.at == len(frame), f"frame {number} has undocumented bytes"

    assert kinds == {0, 1}


def test_the_documented_header_is_the_whole_header() -> None:
    rows = table_under("Header")[:-1]

    written = re.sub(r"(\d)([A-Z])", lambda m: m[2] * int(m[1]), HEADER.format)
    documented = "<" + "".join(TYPES[row[1]] for row in rows)
    assert documented == written.replace(" ", "")
    assert struct.calcsize(HEADER.format) == int(table_under("Header")[-1][0])


@pytest.mark.parametrize("seed", range(3))
def test_documented_fields_hold_what_they_say(seed) -> None:
    traffic = Traffic(seed=seed, num_blocks=40)
    encoder = FrameEncoder("a host", 7, traffic.num_blocks, traffic.block_size)
    for record in traffic.records(100):
        encoder.apply(trace.decode(record))

    frame = encoder.next_frame(keyframe=True)

    assert frame is not None
    read, mirror = DocumentedFrame(frame), encoder.mirror
    live = sorted(mirror.requests)
    is_live = [state % 16 != 3 for state in read.requests["state_finish"]]
    shown = zip(read.requests["short_id"], is_live, strict=True)
    assert [short_id for short_id, lives in shown if lives] == live
    assert read.header["engine_host_id"] == "a host"
    assert read.header["num_preemptions"] == traffic.counters["preemptions"]
    assert read.header["prefix_hit_tokens"] == traffic.counters["hits"]
    assert read.waiting["waiting_front"] == mirror.waiting
    bits = [read.has_hash[i // 8] >> i % 8 & 1 for i in range(traffic.num_blocks)]
    assert bits == mirror.has_hash.astype(int).tolist()
    assert read.tables["length"] == [len(mirror.requests[i].block_ids) for i in live]


def test_the_browser_names_every_documented_header_field() -> None:
    script = (REPOSITORY / "static" / "js" / "lab" / "frame.js").read_text()
    offsets = {int(n) for n in re.findall(r"get(?:Uint|Float)\d+\((\d+)", script)}

    documented = {int(row[0]) for row in table_under("Header")}
    assert offsets | {85} == documented
