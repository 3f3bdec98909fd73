"""The rows of a file of requests as cells of text: a CSV, or JSON lines.

A table's first line says what its columns are; every other line is a row of them.
"""

import csv
import io
import itertools
import json
from collections.abc import Iterator

from planning.errors import BadSetting
from planning.fleet.trace_format import HEADERS, Columns, find_columns

MAX_LINE_CHARS = 300
MAX_JSON_LINE_CHARS = 1_000_000
"""A Mooncake row lists the blocks of its prompt: 2,000 of a million tokens."""
_DELIMITERS = ",;\t"
_EXCEL = frozenset({f"sep={delimiter}" for delimiter in _DELIMITERS} | {"sep="})
"""A first line by which Excel is told the delimiter (a tab at its end is stripped)."""
Line = tuple[int, str]
Cells = tuple[int, list[str]]
"""A line's number and its cells; none where it is blank."""


def bad(reason: str) -> BadSetting:
    """The error of a file that cannot be read; without the full stop."""
    return BadSetting("file", f"{reason}.")


def read_table(text: str) -> tuple[Columns, Iterator[Cells]]:
    """What the columns are, and the rows; raises BadSetting for "file"."""
    is_json = text.lstrip()[:1] in ("{", "[")
    return (_json_table if is_json else _csv_table)(_lines(text, is_json))


def _lines(text: str, is_json: bool) -> Iterator[Line]:
    """Numbered from 1; a line ends with LF, CRLF or a CR alone."""
    most = MAX_JSON_LINE_CHARS if is_json else MAX_LINE_CHARS
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if len(line) > most:
            raise bad(f"line {number} has {len(line):,} letters; allowed are {most}")
        if "\0" in line:
            raise bad(f"line {number} holds a NUL; allowed is text")
        yield number, line.strip()


def _csv_table(lines: Iterator[Line]) -> tuple[Columns, Iterator[Cells]]:
    header = next(lines, (1, ""))[1]
    if header.strip('"').lower() in _EXCEL:
        header = next(lines, (2, ""))[1]
    delimiter = max(_DELIMITERS, key=header.count)
    names = _cells(header, delimiter)
    try:
        columns = find_columns(names, is_json=False)
    except ValueError as error:
        raise bad(f"has {error}; allowed is one") from None
    if columns is None:
        raise bad(
            f"begins with {header[:60]!r}; allowed are the headers {HEADERS}, "
            "BurstGPT's, and Mooncake's JSON lines"
        )
    return columns, (_csv_row(line, delimiter, len(names)) for line in lines)


def _csv_row(line: Line, delimiter: str, num_fields: int) -> Cells:
    number, text = line
    if not text:
        return number, []
    cells = _cells(text, delimiter)
    if len(cells) != num_fields:
        raise bad(f"line {number} has {len(cells)} fields; allowed are {num_fields}")
    # Spreadsheets write empty rows as separators.
    return number, cells if any(cells) else []


def _cells(text: str, delimiter: str) -> list[str]:
    """Of one line alone: a quote that is not closed ends with it."""
    row = next(csv.reader([text], delimiter=delimiter), [])
    return [cell.strip() for cell in row]


def _json_table(lines: Iterator[Line]) -> tuple[Columns, Iterator[Cells]]:
    first = next(line for line in lines if line[1])
    names = list(_json_object(first))
    try:
        columns = find_columns(names, is_json=True)
    except ValueError as error:
        raise bad(f"has {error}; allowed is one") from None
    if columns is None:
        raise bad(
            f"has JSON lines of {', '.join(names)[:60]!r}; allowed are those with "
            "timestamp, input_length and output_length"
        )
    rest = itertools.chain([first], lines)
    return columns, (_json_row(line, columns) for line in rest)


def _json_row(line: Line, columns: Columns) -> Cells:
    if not line[1]:
        return line[0], []
    taken = [columns.names[place] for place in columns.read]
    needed = [columns.names[p] for p in (columns.time, columns.input, columns.output)]
    fields = _json_object(line)
    missing = next((name for name in needed if name not in fields), None)
    if missing is not None:
        raise bad(f"line {line[0]} has no {missing[:40]!r}; allowed are rows with it")
    cells = [_json_text(fields.get(n, "")) if n in taken else "" for n in columns.names]
    return line[0], cells


def _json_text(value: object) -> str:
    is_known = isinstance(value, str | int | float) and not isinstance(value, bool)
    return str(value).strip() if is_known else json.dumps(value)


def _json_object(line: Line) -> dict[str, object]:
    number, text = line
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad(
            f"line {number} is not a JSON object; allowed is one object a line, "
            "as in Mooncake's traces"
        )
    return found
