"""In development a saved file of the course is on the page at the next reload."""

from pathlib import Path

from courseware import figures
from courseware.errors import BrokenChapter
from courseware.loader import CONTENT, load_chapters
from courseware.notes import forget_notes
from courseware.values import forget_claims

_state: dict[Path, tuple[dict[Path, int], list[BrokenChapter]]] = {}


def reload_changed(directory: Path = CONTENT) -> list[BrokenChapter]:
    """Load the chapters again if a file has changed; those that are broken now."""
    files = {
        path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.is_file()
    }
    seen, broken = _state.get(directory, ({}, []))
    if files != seen:
        forget_claims()
        forget_notes()
        figures.forget_data()
        broken = load_chapters(directory).broken
        _state[directory] = (files, broken)
    return broken
