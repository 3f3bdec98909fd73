"""A file of real requests: when each came, how long its prompt and its answer were.

Read are the Azure LLM trace format (TIMESTAMP, ContextTokens, GeneratedTokens) and a
plain CSV (timestamp, input, output). A time is a date with a clock time or a number of
seconds. The file is read line by line with limits on everything.
"""

import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from planning.errors import BadSetting

Array = npt.NDArray[np.float64]

MAX_BYTES = 8_000_000
MAX_ROWS = 200_000
MAX_LINE_CHARS = 300
MAX_TOKENS = 10_000_000
MAX_SPAN_S = 31 * 86_400.0
HEADERS = (
    ("timestamp", "contexttokens", "generatedtokens"),
    ("timestamp", "input", "output"),
)


@dataclass(frozen=True)
class RequestFile:
    """Rows in the order of their times; the first is at 0 s."""

    digest: str
    """SHA-256 of the file's bytes, in hex."""
    times: Array
    inputs: Array
    outputs: Array

    @property
    def period_s(self) -> float:
        """After which the file begins again: its span and one mean gap."""
        span = float(self.times[-1])
        return span * len(self.times) / max(len(self.times) - 1, 1)


def read_request_file(content: bytes) -> RequestFile:
    """The rows of a file; raises BadSetting for "file" with the line that is wrong."""
    if len(content) > MAX_BYTES:
        raise _bad(f"has {len(content):,} bytes; allowed are {MAX_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(f"is not UTF-8 text (byte {error.start:,})") from None
    rows = [*_rows(_lines(text))]
    if len(rows) < 2:
        raise _bad(f"has {len(rows)} requests; allowed are 2 to {MAX_ROWS:,}")
    table = np.array(rows)
    table = table[np.argsort(table[:, 0], kind="stable")]
    times = table[:, 0] - table[0, 0]
    if not 0 < times[-1] <= MAX_SPAN_S:
        raise _bad(
            f"spans {times[-1]:,.0f} s; allowed are more than 0 and at most "
            f"{MAX_SPAN_S:,.0f} s"
        )
    digest = hashlib.sha256(content).hexdigest()
    return RequestFile(digest, times, table[:, 1].copy(), table[:, 2].copy())


def _bad(reason: str) -> BadSetting:
    return BadSetting("file", f"{reason}.")


def _lines(text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text), 1):
        if len(line) > MAX_LINE_CHARS:
            raise _bad(
                f"line {number} has {len(line):,} letters; allowed are {MAX_LINE_CHARS}"
            )
        if "\0" in line:
            raise _bad(f"line {number} holds a NUL; allowed is text")
        yield line


def _rows(lines: Iterable[str]) -> Iterator[tuple[float, float, float]]:
    table = (_cells(line) for line in lines)
    header = tuple(cell.lower() for cell in next(table, []))
    if header not in HEADERS:
        raise _bad(
            f"begins with {','.join(header)[:60]!r}; allowed are the headers "
            "TIMESTAMP,ContextTokens,GeneratedTokens and timestamp,input,output"
        )
    for line, cells in enumerate(table, 2):
        if line > MAX_ROWS + 1:
            raise _bad(f"has more than {MAX_ROWS:,} requests, which is the limit")
        if cells != [""]:
            yield _row(cells, line)


def _cells(line: str) -> list[str]:
    """No field of these formats holds a comma, so quotes only surround."""
    return [cell.strip().strip('"') for cell in line.split(",")]


def _row(cells: list[str], line: int) -> tuple[float, float, float]:
    if len(cells) != 3:
        raise _bad(f"line {line} has {len(cells)} fields; allowed are 3")
    seconds = _seconds(cells[0])
    if seconds is None:
        raise _bad(
            f"line {line}: the time is {cells[0][:40]!r}; allowed are a date and time "
            "such as 2023-11-16 18:17:03.97, or seconds"
        )
    tokens = [_tokens(cell) for cell in cells[1:]]
    for cell, count in zip(cells[1:], tokens, strict=True):
        if count is None:
            raise _bad(
                f"line {line}: {cell[:40]!r} tokens; allowed are whole numbers "
                f"from 0 to {MAX_TOKENS:,}"
            )
    return seconds, float(tokens[0] or 0), float(tokens[1] or 0)


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return _clock_seconds(text)
    return number if math.isfinite(number) and abs(number) < 1e12 else None


def _clock_seconds(text: str) -> float | None:
    """Azure writes seven digits of a second, one more than datetime reads."""
    whole, point, part = text.partition(".")
    digits = "".join(c for c in part if c.isdigit())
    zone = part[len(digits) :]
    try:
        moment = datetime.fromisoformat(whole + (zone if point else ""))
    except ValueError:
        return None
    fraction = float(f"0.{digits}") if digits else 0.0
    return (
        moment.replace(tzinfo=None) - datetime(2000, 1, 1)
    ).total_seconds() + fraction


def _tokens(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 8):
        return None
    return int(text) if int(text) <= MAX_TOKENS else None
