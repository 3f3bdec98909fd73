"""Files that a form brings, by the end of their names. What is in one is checked by the
reader of its kind: a name promises nothing."""

from pathlib import PurePath
from typing import Any

RECORDING = (".svlr",)
CONFIG = (".json",)
REQUESTS = (".csv", ".tsv", ".txt", ".jsonl", ".json")


def not_of(ends: tuple[str, ...], file: Any) -> str:
    """What is wrong with the name of an uploaded file, as the end of a sentence; ""
    where it ends as its kind does."""
    name = PurePath(str(file.name or "")).name
    if name.lower().endswith(ends):
        return ""
    return f"is named “{name[:40]}”: taken are files that end with {', '.join(ends)}."
