"""A chapter while it is being read: its lines, its sections and what it draws."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markdown_it.token import Token

from courseware.errors import BrokenChapter

Draw = Callable[[str, str, str, int], str]
"""(name, argument, body as HTML or words, line) to trusted HTML."""


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
    lines: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    anchors: dict[str, int] = field(default_factory=dict)
    links: list[tuple[Token, int]] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)

    def place(self, html: str) -> str:
        """Keep trusted HTML aside; the returned mark survives sanitising."""
        self.drawings.append(html)
        return f"\ue000{len(self.drawings) - 1}\ue001"

    def fail(self, line: int, reason: str) -> BrokenChapter:
        """The error for this file at ``line``."""
        return BrokenChapter(self.path, line, reason)
