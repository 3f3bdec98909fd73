"""A wheel without some of its files; its RECORD says what is left."""

import csv
import io
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from bundle.errors import BundleError


def trim(source: Path, target: Path, patterns: Sequence[str]) -> list[str]:
    """Copy a wheel to ``target``; returns the names of the files left out.

    Raises BundleError for a pattern that matches no file: the wheel has changed, and
    the bundle would be larger than was asked for without a word.
    """
    with zipfile.ZipFile(source) as given:
        names = given.namelist()
        dropped = _matching(source, names, patterns)
        record = next(n for n in names if n.endswith(".dist-info/RECORD"))
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as kept:
            for entry in given.infolist():
                if entry.filename in dropped:
                    continue
                if entry.filename == record:
                    text = _record_without(given.read(entry).decode(), dropped)
                    kept.writestr(entry, text)
                    continue
                with given.open(entry) as reader, kept.open(entry, "w") as writer:
                    while piece := reader.read(1 << 20):
                        writer.write(piece)
    partial.replace(target)
    return sorted(dropped)


def _matching(source: Path, names: list[str], patterns: Sequence[str]) -> set[str]:
    dropped: set[str] = set()
    for pattern in patterns:
        matches = {name for name in names if fnmatchcase(name, pattern)}
        if not matches:
            raise BundleError(
                f"{source.name} has no file {pattern}: the list of what may be left "
                "out (bundle/profiles.py) does not fit this version."
            )
        dropped |= matches
    return dropped


def _record_without(text: str, dropped: set[str]) -> str:
    """RECORD without the lines of these files."""
    output = io.StringIO()
    rows = csv.reader(io.StringIO(text))
    csv.writer(output, lineterminator="\n").writerows(
        row for row in rows if row and row[0] not in dropped
    )
    return output.getvalue()
