"""The table of docs/security.md is whole, and each test that it names exists."""

import ast
import re
from collections import Counter
from functools import cache
from typing import NamedTuple

from tests.repository import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
RELEASE = ROOT / "tests" / "data" / "asvs_5_0_0.txt"
"""A requirement of ASVS 5.0.0 a line: its number and its level."""
STATES = ("Met", "Not applicable", "Missed")
WAITING: set[str] = set()
"""Chapters that are still told in sum."""


class Row(NamedTuple):
    """A requirement as the page has it; chapter: "V1"."""

    chapter: str
    number: str
    level: str
    words: str
    state: str


def rows_in(page: str) -> list[Row]:
    """Rows of the chapters' tables, in the page's order."""
    found, chapter = [], ""
    for line in page.splitlines():
        if heading := re.match(r"### (V\d+) ", line):
            chapter = heading[1]
        elif re.match(r"\| \d+\.\d+\.\d+ \|", line):
            cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
            assert len(cells) == 4, line
            found.append(Row(chapter, *cells))
    return found


def release() -> dict[str, str]:
    """Levels of all requirements, by number."""
    lines = RELEASE.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ") for line in lines)


def chapter_of(number: str) -> str:
    return "V" + number.partition(".")[0]


def state_of(row: Row) -> str:
    return row.state.partition(":")[0]


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of the test functions of a Python file, of its classes too."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def faults_of(row: Row) -> list[str]:
    """What is wrong with a row's state, each with the requirement's number."""
    named = re.findall(r"`(tests/[^`]+)`", row.state)
    faults = []
    for name in named:
        path, _, function = name.partition("::")
        if not (ROOT / path).is_file():
            faults.append(f"{row.number}: there is no {path}")
        elif function and function not in functions_of(path):
            faults.append(f"{row.number}: {path} has no {function}")
    forms = {
        "Met": r"Met: .*`tests/.*",
        "Not applicable": r"Not applicable: \w.{10,}",
        "Missed": r"Missed: \w.{10,}Plan: \w.{10,}",
    }
    if not re.fullmatch(forms.get(state_of(row), "(?!)"), row.state):
        faults.append(f"{row.number}: {row.state}")
    return faults


def test_the_release_is_whole() -> None:
    assert Counter(release().values()) == {"1": 70, "2": 183, "3": 92}


def test_every_requirement_has_its_row() -> None:
    wanted = [
        (chapter_of(number), number, level)
        for number, level in release().items()
        if level in ("1", "2") and chapter_of(number) not in WAITING
    ]
    assert [row[:3] for row in rows_in(PAGE)] == wanted
    assert [row.number for row in rows_in(PAGE) if not row.words] == []


def test_every_state_is_shown() -> None:
    assert [fault for row in rows_in(PAGE) for fault in faults_of(row)] == []


def test_the_counts_are_those_of_the_table() -> None:
    counted = Counter((row.chapter, state_of(row)) for row in rows_in(PAGE))
    told = re.findall(r"^\| (V\d+) [^|]*\| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.M)
    chapters = dict.fromkeys(chapter_of(number) for number in release())
    assert told == [
        (chapter, *(str(counted[chapter, state]) for state in STATES))
        for chapter in chapters
    ]


def test_a_row_that_shows_nothing_is_told() -> None:
    here = "tests/test_asvs.py"
    states = {
        f"Met: `{here}::test_the_release_is_whole`": 0,
        f"Met: `{here}`": 0,
        "Met: by reading": 1,
        "Met: `tests/test_nothing.py`": 1,
        f"Met: `{here}::test_nothing`": 1,
        f"Met: `{here}`, `tests/test_nothing.py::test_x`": 1,
        "Not applicable: there is no such server": 0,
        "Not applicable:": 1,
        "Missed: it is not done at all. Plan: it will be done": 0,
        "Missed: it is not done at all": 1,
        "Unknown: it is not done at all": 1,
    }
    told = {
        state: len(faults_of(Row("V1", "1.1.1", "2", "x", state))) for state in states
    }
    assert told == states
