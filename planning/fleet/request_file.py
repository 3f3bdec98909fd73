"""A file of real requests: when each came, how long its prompt and its answer were.

Read are the public traces that ``trace_format`` names, a plain CSV (timestamp, input,
output) and JSON lines of such fields. A time is a date with a clock time or a number.
The file is read line by line with limits on everything.
"""

import codecs
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planning.fleet.trace_format import Columns, Reading
from planning.fleet.trace_prefix import Ids, block_size, hit_tokens
from planning.fleet.trace_table import Cells, bad, read_table
from planning.fleet.trace_time import TraceClock

Array = npt.NDArray[np.float64]

MAX_BYTES = 8_000_000
MAX_ROWS = 200_000
MAX_TOKENS = 10_000_000
MAX_SPAN_S = 31 * 86_400.0
_TOKENS = re.compile(r"(\d{1,8})(?:\.0{1,6})?", re.ASCII)


@dataclass(frozen=True)
class RequestFile:
    """Rows in the order of their times; the first is at 0 s."""

    digest: str
    """SHA-256 of the file's bytes, in hex."""
    times: Array
    inputs: Array
    outputs: Array
    reading: Reading | None = None
    """What was taken for what; None: not kept."""

    @property
    def period_s(self) -> float:
        """After which the file begins again: its span and one mean gap."""
        span = float(self.times[-1])
        return span * len(self.times) / max(len(self.times) - 1, 1)


@dataclass(frozen=True)
class Row:
    """One request as it was read; the time also as it stands in the file."""

    seconds: float
    input: int
    output: int
    time: str
    cached: int | None = None
    """Of the input; None: not said."""
    blocks: Ids = ()


def read_request_file(content: bytes) -> RequestFile:
    """The rows of a file; raises BadSetting for "file" with the line that is wrong."""
    if len(content) > MAX_BYTES:
        raise bad(f"has {len(content):,} bytes; allowed are {MAX_BYTES:,}")
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        # "Unicode text" of a spreadsheet has UTF-16's mark.
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise bad(f"is not UTF-8 text (byte {error.start:,})") from None
    columns, table = read_table(text)
    clock = TraceClock(columns.unit, columns.unit_from)
    rows, num_blank = _rows(columns, table, clock)
    digest = hashlib.sha256(content).hexdigest()
    return _recorded(digest, rows, _reading(columns, clock, rows, num_blank))


def _recorded(digest: str, rows: list[Row], reading: Reading) -> RequestFile:
    table = np.array([(row.seconds, row.input, row.output) for row in rows], float)
    table = table[np.argsort(table[:, 0], kind="stable")]
    times = table[:, 0] - table[0, 0]
    if not 0 < times[-1] <= MAX_SPAN_S:
        raise bad(
            f"spans {times[-1]:,.0f} s; allowed are more than 0 and at most "
            f"{MAX_SPAN_S:,.0f} s (times are {reading.unit})"
        )
    return RequestFile(digest, times, table[:, 1].copy(), table[:, 2].copy(), reading)


def _reading(
    columns: Columns, clock: TraceClock, rows: list[Row], num_blank: int
) -> Reading:
    if len(rows) < 2:
        raise bad(f"has {len(rows)} requests; allowed are 2 to {MAX_ROWS:,}")
    first = min(rows, key=lambda row: row.seconds)
    last = max(rows, key=lambda row: row.seconds)
    is_azure = columns.name.startswith("Azure") and bool(clock.zone)
    return Reading(
        format=f"{columns.name}, {first.time[:4]}" if is_azure else columns.name,
        time=columns.names[columns.time],
        input=columns.names[columns.input],
        output=columns.names[columns.output],
        unit=clock.unit,
        zone=clock.zone,
        num_rows=len(rows),
        span_s=last.seconds - first.seconds,
        first=first.time,
        last=last.time,
        num_blank=num_blank,
        num_without_answer=sum(row.output == 0 for row in rows),
        ignored=columns.ignored,
        **_hits(sorted(rows, key=lambda row: row.seconds)),
    )


def _hits(rows: list[Row]) -> dict[str, Any]:
    """What a prefix cache has of the prompts: as the file says, or as its blocks do."""
    inputs = [row.input for row in rows]
    said = [row.cached for row in rows if row.cached is not None]
    if len(said) == len(rows):
        cached, source = said, "by its column"
    else:
        ids = [row.blocks for row in rows]
        size = block_size(inputs, ids)
        if size is None:
            return {}
        cached = hit_tokens(inputs, ids, size)
        source = f"at most: blocks of {size} tokens, a cache without limit"
    pct = 100 * sum(cached) / max(sum(inputs), 1)
    return {"hit_pct": round(pct, 1), "hit_from": source}


def _rows(
    columns: Columns, table: Iterable[Cells], clock: TraceClock
) -> tuple[list[Row], int]:
    """All requests, and how many lines were blank."""
    rows: list[Row] = []
    num_blank = 0
    for line, cells in table:
        if len(rows) >= MAX_ROWS:
            raise bad(f"has more than {MAX_ROWS:,} requests, which is the limit")
        if cells:
            rows.append(_row(columns, cells, line, clock))
        else:
            num_blank += 1
    return rows, num_blank


def _row(columns: Columns, cells: list[str], line: int, clock: TraceClock) -> Row:
    time = cells[columns.time]
    seconds = clock.seconds(time)
    if seconds is None:
        raise bad(f"line {line}: the time is {time[:40]!r}; allowed are {clock.wanted}")
    inputs = _tokens(cells[columns.input], line)
    outputs = _tokens(cells[columns.output], line)
    cached = None
    if columns.cached is not None and cells[columns.cached]:
        cached = min(_tokens(cells[columns.cached], line), inputs)
    blocks = () if columns.blocks is None else _blocks(cells[columns.blocks], line)
    return Row(seconds, inputs, outputs, time, cached, blocks)


def _blocks(text: str, line: int) -> Ids:
    """Numbers or texts; () where the row has none."""
    found = json.loads(text) if text.startswith("[") else None
    if not text or found is None:
        return ()
    if not all(isinstance(one, int | str) for one in found):
        raise bad(f"line {line}: its blocks are {text[:40]!r}; allowed are ids")
    return tuple(found)


def _tokens(text: str, line: int) -> int:
    found = _TOKENS.fullmatch(text)
    if found is None or int(found[1]) > MAX_TOKENS:
        raise bad(
            f"line {line}: {text[:40]!r} tokens; allowed are whole numbers "
            f"from 0 to {MAX_TOKENS:,}"
        )
    return int(found[1])
