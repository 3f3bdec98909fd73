"""What can be wrong with a chapter; raised deep, caught by ``loadchapters``."""

from pathlib import Path


class BrokenChapter(Exception):
    """A chapter that cannot be published: file, line (from 1) and reason."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path.name}:{line}: {reason}")
