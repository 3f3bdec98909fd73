"""What a reader of a foreign file found: questions, losses and refusals, by place."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.letters import cleaned
from quizzes.formats.names import Names

MAX_CHARS = 1_000_000
"""Of a text file; Moodle XML with its images may have more."""
MAX_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands, for sentences: line from 1, and what it is called."""

    line: int
    title: str = ""

    def __str__(self) -> str:
        title = " ".join(self.title.split())
        if len(title) > MAX_TITLE_CHARS:
            title = title[: MAX_TITLE_CHARS - 1] + "…"
        return f"line {self.line}, {title!r}" if title else f"line {self.line}"


@dataclass
class Imported:
    """Bodies as question_from() takes them, their texts literal: a brace is a brace.

    ``losses`` and ``refused`` are sentences that begin with the line and the title.
    """

    bodies: list[dict[str, Any]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """Images by name."""
    names: Names = field(default_factory=Names)
    places: dict[str, Place] = field(default_factory=dict)
    """Of each body, by its id."""

    def add(self, place: Place, body: dict[str, Any], *wanted: str) -> str:
        """Take a body under an id made of the first of ``wanted`` that gives one, and
        return the id."""
        name = self.names.give(*wanted)
        self.places[name] = place
        self.bodies.append({"id": name, **body})
        return name

    def lose(self, place: Place, losses: Iterable[str]) -> None:
        """Name what was not taken over, each once."""
        self.losses += [f"{place}: {loss}" for loss in dict.fromkeys(losses)]

    def refuse(self, place: Place, reason: str) -> None:
        """Name a question that cannot be asked here."""
        self.refused.append(f"{place}: {reason}")


def check_length(text: str) -> None:
    """Raises BrokenQuestion for a text that is too long."""
    if len(text) > MAX_CHARS:
        raise BrokenQuestion(
            (),
            f"a file has at most {MAX_CHARS:,} characters, not {len(text):,}: "
            "divide it.",
        )


def lines_of(text: str) -> list[str]:
    """The lines of a file of Windows, Unix or old Macs, without a byte order mark.

    Raises BrokenQuestion for a text that is too long.
    """
    check_length(text)
    return cleaned(text.removeprefix("\ufeff")).split("\n")
