"""What can be wrong with a chapter; raised deep, caught by ``loadchapters``."""

from collections.abc import Iterable
from pathlib import Path


class BrokenChapter(Exception):
    """One fault of a chapter's file: file, line (from 1) and reason."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path.name}:{line}: {reason}")


class Unpublishable(Exception):
    """A chapter that cannot be published, with all its faults in reading order."""

    def __init__(self, faults: Iterable[BrokenChapter]) -> None:
        once = {str(fault): fault for fault in faults}
        self.faults = sorted(once.values(), key=lambda f: (f.path.name, f.line))
        super().__init__("\n".join(map(str, self.faults)))
