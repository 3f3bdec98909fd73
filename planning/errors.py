"""What can be wrong with what planning is given, as sentences.

Exception
└── PlanningError
    ├── BrokenCatalog   a catalog file: file, line (from 1) and reason
    └── BadSetting      a value that cannot be planned with: its field and the limit
        └── BadConfig   a field of a model's config.json, or the file as a whole
"""

from pathlib import Path


class PlanningError(Exception):
    """The message is a sentence for the person who gave the value."""


class BrokenCatalog(PlanningError):
    """A catalog that cannot be loaded."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path.name}:{line}: {reason}")


class BadSetting(PlanningError):
    """``field`` is the name a form knows it by."""

    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason
        super().__init__(f"{field}: {reason}")


class BadConfig(BadSetting):
    """A config.json that no memory can be computed from."""
