"""What can be wrong with a question or with what a learner asks for, as sentences.

Exception
├── BrokenQuestion      a question that cannot be asked: where in it, and why
│   └── BrokenExpression    a formula that is not allowed, or has no value
├── BrokenBank          a file of the bank: file, line (from 1) and reason
└── Refused             an answer, hint or retry that is not taken; nothing was lost
    └── Unknown         an attempt that is not yours, or is gone: not told apart
"""

from pathlib import Path


class BrokenQuestion(Exception):
    """``path`` leads to the field in the question's body, such as ("choices", 2)."""

    def __init__(self, path: tuple[str | int, ...], reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{'.'.join(map(str, path)) or 'question'}: {reason}")


class BrokenExpression(BrokenQuestion):
    """A formula that is not allowed, or has no value."""

    def __init__(self, reason: str) -> None:
        super().__init__((), reason)


class BrokenBank(Exception):
    """A file that cannot be loaded."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        self.path, self.line, self.reason = path, line, reason
        super().__init__(f"{path.name}:{line}: {reason}")


class Refused(Exception):
    """The sentence says why, and what is possible instead."""


class Unknown(Refused):
    """It does not exist, or belongs to somebody else."""
