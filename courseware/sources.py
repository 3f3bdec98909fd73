"""Files of the course, read with care: size, encoding, YAML, ids given twice."""

import re
from pathlib import Path
from typing import Any

import yaml

from courseware.errors import BrokenChapter
from planning.catalog.safe_yaml import SAFE_LOADER

MAX_SOURCE_BYTES = 2_000_000


def read_source(path: Path) -> str:
    """The text of a file; BrokenChapter when it is too large or not UTF-8."""
    raw = path.read_bytes()
    if len(raw) > MAX_SOURCE_BYTES:
        raise BrokenChapter(
            path, 1, f"{len(raw):,} bytes; at most {MAX_SOURCE_BYTES:,} are read."
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise BrokenChapter(
            path, line, f"byte {raw[error.start]:#04x} is not UTF-8."
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_entries(path: Path, faults: list[BrokenChapter]) -> dict[str, Any]:
    """A YAML file of entries by id; {} without it. What is wrong goes to ``faults``."""
    try:
        return _entries(path, read_source(path), faults) if path.exists() else {}
    except BrokenChapter as fault:
        faults.append(fault)
        return {}


def _entries(path: Path, source: str, faults: list[BrokenChapter]) -> dict[str, Any]:
    seen: dict[str, int] = {}
    for number, line in enumerate(source.splitlines(), start=1):
        if match := re.match(r"([A-Za-z0-9_-]+):", line):
            if first := seen.get(match[1]):
                reason = f"{match[1]!r} is already in line {first}."
                faults.append(BrokenChapter(path, number, reason))
            seen.setdefault(match[1], number)
    try:
        entries = yaml.load(source, Loader=SAFE_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line_number = mark.line + 1 if mark else 1
        words = " ".join(str(error).split())
        raise BrokenChapter(path, line_number, f"this is not YAML: {words}.") from error
    if not isinstance(entries or {}, dict):
        raise BrokenChapter(path, 1, "this file lists entries by id.")
    return {str(name): row for name, row in (entries or {}).items()}


def line_of(path: Path, name: str) -> int:
    """The line in which the entry ``name`` begins."""
    source = path.read_text(encoding="utf-8", errors="replace")
    match = re.search(rf"^{re.escape(name)}:", source, re.M)
    return source[: match.start()].count("\n") + 1 if match else 1
