"""TableChanges: which block tables changed since the last frame, as its sections. Pure.

In format 1 one section of tables; in format 2 for each KV-cache group one of tables and
one of places that another block has now (docs/frame-format.md).
"""

from collections.abc import Iterable

from lab.tracing.frame_sections import NO_ROWS, replaced_section, table_section
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.trace import RequestState, TableChange


class TableChanges:
    """Since the last frame, for whoever follows a mirror."""

    def __init__(self) -> None:
        self._starts: dict[int, dict[int, int]] = {}
        """By group and short id: from where on a table is to be told."""
        self._replaced: set[tuple[int, int, int]] = set()
        """Group, short id and logical index."""

    def note(self, tables: Iterable[TableChange]) -> None:
        """Changes that the mirror has applied."""
        for table in tables:
            if table.replaces:
                self._replaced.update(
                    (table.group, table.short_id, table.start + at)
                    for at in range(len(table.block_ids))
                )
                continue
            starts = self._starts.setdefault(table.group, {})
            start = starts.get(table.short_id, table.start)
            starts[table.short_id] = min(start, table.start)

    def sections(self, mirror: PoolMirror) -> list[bytes]:
        """What changed, as the mirror has it now."""
        sections = []
        for group in range(len(mirror.groups)):
            starts = self._starts.get(group, {})
            tables = [
                (request, starts[short_id])
                for short_id in sorted(starts)
                if (request := _holder(mirror, short_id)) is not None
            ]
            sections.append(table_section(tables, mirror.num_blocks, group))
            if not mirror.has_plain_tables:
                rows = self._replaced_rows(mirror, group, starts)
                sections.append(replaced_section(rows))
        return sections

    def _replaced_rows(
        self, mirror: PoolMirror, group: int, starts: dict[int, int]
    ) -> list[tuple[int, int, int]]:
        rows = []
        for of, short_id, index in sorted(self._replaced):
            request = _holder(mirror, short_id) if of == group else None
            if request is None or index >= starts.get(short_id, index + 1):
                continue
            table = request.table(group)
            if index < len(table):
                rows.append((short_id, index, table[index]))
        return rows


def whole_tables(mirror: PoolMirror, requests: list[RequestMirror]) -> list[bytes]:
    """The sections of a keyframe."""
    tables = [(one, 0) for one in requests]
    if mirror.has_plain_tables:
        return [table_section(tables, mirror.num_blocks)]
    sections = []
    for group in range(len(mirror.groups)):
        sections += [table_section(tables, mirror.num_blocks, group), NO_ROWS]
    return sections


def _holder(mirror: PoolMirror, short_id: int) -> RequestMirror | None:
    """The request, unless it gave up its tables."""
    request = mirror.requests.get(short_id)
    is_there = request and request.state is not RequestState.PREEMPTED
    return request if is_there else None
