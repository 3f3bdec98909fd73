"""Sections and columns of a frame: numbers to bytes (docs/frame-format.md). Pure."""

import struct
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lab.tracing.groups import Groups
from lab.tracing.mirror import RequestMirror

_WIDTHS = ((1 << 8, 1, "u1"), (1 << 16, 2, "<u2"), (1 << 32, 4, "<u4"))
_U32 = struct.Struct("<I")
NO_ROWS = _U32.pack(0)
"""The count of a section without rows."""

Numbers = Sequence[int] | npt.NDArray[np.uint32] | npt.NDArray[np.int64]


def request_section(requests: Sequence[RequestMirror]) -> bytes:
    """Rows of requests in ascending order of their short ids."""
    return section(
        [request.short_id for request in requests],
        [request.state | request.finish << 4 for request in requests],
        [request.num_prompt_tokens for request in requests],
        [request.num_cached_tokens for request in requests],
        [request.num_preemptions for request in requests],
    )


def groups_section(groups: Groups) -> bytes:
    """The KV-cache groups of format 2, and what a block of each stands for."""
    return _U32.pack(len(groups)) + b"".join(_columns(zip(*groups, strict=True)))


def replaced_section(rows: Sequence[tuple[int, int, int]]) -> bytes:
    """Short id, logical index and block id of places that another block has now."""
    if not rows:
        return NO_ROWS
    return _U32.pack(len(rows)) + b"".join(_columns(zip(*rows, strict=True)))


def table_section(
    tables: Sequence[tuple[RequestMirror, int]], num_blocks: int, group: int = 0
) -> bytes:
    """Block tables of a KV-cache group from a logical index on. One that begins like
    an earlier one of the section is coded as a copy of that beginning and the ids of
    its own."""
    if not tables:
        return NO_ROWS + NO_ROWS
    parts = [
        np.frombuffer(request.table(group).tobytes(), np.uint32)[start:]
        for request, start in tables
    ]
    sources, copied = _prefixes(tables, parts, num_blocks)
    own = np.concatenate(
        [part[skip:] for part, skip in zip(parts, copied, strict=True)]
    )
    return section(
        [request.short_id for request, _ in tables],
        [start for _, start in tables],
        [len(part) for part in parts],
        sources,
        copied,
    ) + list_section(own)


def _prefixes(
    tables: Sequence[tuple[RequestMirror, int]],
    parts: Sequence[npt.NDArray[np.uint32]],
    num_blocks: int,
) -> tuple[list[int], list[int]]:
    """Per table the earlier one to copy from, and how many ids of its beginning."""
    sources = [0] * len(parts)
    copied = [0] * len(parts)
    whole = [i for i, (_, start) in enumerate(tables) if start == 0 and len(parts[i])]
    if len(whole) < 2:
        return sources, copied
    last_lister = np.full(num_blocks, -1, np.int32)
    for i in whole:
        part = parts[i]
        if last_lister[part[0]] >= 0:
            listers = last_lister[part]
            num_known = int((listers < 0).argmax()) or len(part)
            source = int(listers[num_known - 1])
            num_same = min(num_known, len(parts[source]))
            is_same = part[:num_same] == parts[source][:num_same]
            sources[i] = source
            copied[i] = num_same if is_same.all() else int(is_same.argmin())
        last_lister[part] = i
    return sources, copied


def section(ascending: Numbers, *columns: Numbers) -> bytes:
    """A count, a column of ascending numbers, and more columns as long as that."""
    count = len(ascending)
    if count == 0:
        return NO_ROWS
    return b"".join((_U32.pack(count), _ascending(ascending), *_columns(columns)))


def _columns(columns: Iterable[Numbers]) -> Iterable[bytes]:
    return (_column(column) for column in columns)


def list_section(numbers: Numbers) -> bytes:
    """A count and one column, in any order."""
    return _U32.pack(len(numbers)) + _column(numbers) if len(numbers) else NO_ROWS


def _ascending(numbers: Numbers) -> bytes:
    array = np.asarray(numbers, np.int64)
    first = _U32.pack(int(array[0]))
    return first + _column(np.diff(array)) if len(array) > 1 else first


def _column(numbers: Numbers) -> bytes:
    """A width in bytes and the numbers; width 0 and one number if all are equal."""
    array = np.asarray(numbers, np.int64)
    highest = int(array.max())
    if highest == int(array.min()):
        return b"\0" + _U32.pack(highest)
    for limit, width, dtype in _WIDTHS:
        if highest < limit:
            return bytes((width,)) + array.astype(dtype).tobytes()
    raise ValueError(f"A frame cannot carry {highest}: numbers are below 2^32.")
