"""Frames of format 2, by what docs/frame-format.md says of them, and read back."""

from typing import Any

from lab.tracing.frame_reader import FrameReader
from lab.tracing.frames import FrameEncoder
from lab.tracing.groups import Group, GroupKind
from lab.tracing.trace import decode
from tests.data import make_grouped
from tests.lab.tracing.test_frame_format import DocumentedFrame, columns

GROUPS = (
    Group(GroupKind.FULL, 16, 0, 1),
    Group(GroupKind.WINDOW, 16, 64, 1),
    Group(GroupKind.STATE, 16, 0, 1),
)


class DocumentedGroups(DocumentedFrame):
    """A frame of format 2, read by the tables of the document."""

    def _read_tables(self) -> None:
        names = columns("Section `groups` of format 2")
        count = self._number()
        told = [self._column(count) for _ in names]
        self.groups = [
            Group(GroupKind(row[0]), *row[1:]) for row in zip(*told, strict=True)
        ]
        self.requests = self._section(columns("Section `requests`"))
        self.of_groups = [self._read_group() for _ in self.groups]

    def _read_group(self) -> dict[str, Any]:
        tables = self._section(columns("Section `tables`"))
        tables["block_ids"] = self._list()
        count = self._number()
        names = columns("Section `replaced` of format 2")
        return tables | {f"replaced {name}": self._column(count) for name in names}


def test_every_golden_frame_of_format_2_reads_to_its_last_byte_as_documented() -> None:
    frames, _ = make_grouped.made()
    num_replaced = 0
    for number, frame in enumerate(frames):
        read = DocumentedGroups(frame)
        assert read.at == len(frame), f"frame {number} has undocumented bytes"
        assert tuple(read.groups) == GROUPS
        num_replaced += sum(len(one["replaced index"]) for one in read.of_groups)
    assert num_replaced >= 20


def test_the_first_groups_table_is_read_frame_by_frame() -> None:
    encoder, reader = FrameEncoder("host", 1, 90, 16), FrameReader()
    for number, record in enumerate(make_grouped.source()):
        assert encoder.apply(decode(record))
        if number % 3:
            continue
        frame = encoder.next_frame(keyframe=number % 60 == 0)
        assert frame is not None
        seen = reader.apply(frame)
        assert seen is not None
        told = {one.short_id: one.block_ids for one in seen.requests}
        requests = encoder.mirror.requests.values()
        assert told == {one.short_id: tuple(one.block_ids) for one in requests}
