"""A chapter while it is being read: its lines, its sections and what it draws."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from courseware.errors import BrokenChapter

Draw = Callable[[str, str, str, int], str]
"""(name, argument, body as HTML or words, line) to trusted HTML."""
DrawValue = Callable[[re.Match[str], int], str]
"""(the role ``{value …}``, line) to its number as plain text."""


@dataclass
class Piece:
    """One section: from a second-level heading to the next."""

    anchor: str
    title: str
    number: int | None
    html: str = ""
    text: str = ""


@dataclass
class Page:
    """A chapter's source while it is being read; collects what it draws."""

    path: Path
    draw_directive: Draw
    draw_role: Draw
    draw_value: DrawValue
    lines: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    anchors: dict[str, int] = field(default_factory=dict)
    links: list[tuple[Token, int]] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)

    def place(self, html: str) -> str:
        """Keep trusted HTML aside; the returned mark survives sanitising."""
        self.drawings.append(html)
        return f"\ue000{len(self.drawings) - 1}\ue001"

    def value(self, match: re.Match[str]) -> str:
        """The number of a role, wherever in the file it stands."""
        lines = enumerate(self.lines, start=1)
        return self.draw_value(match, next(n for n, text in lines if match[0] in text))

    def fail(self, line: int, reason: str) -> BrokenChapter:
        """The error for this file at ``line``."""
        return BrokenChapter(self.path, line, reason)
