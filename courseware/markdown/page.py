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
    heading: str = ""
    """The title as HTML: with its code, emphasis and roles."""
    html: str = ""
    text: str = ""
    is_short: bool = False
    """Whether the section as a whole belongs to the short path."""
    short_parts: list[dict[str, str]] = field(default_factory=list)
    """Its sub-headings on the short path: ``anchor`` and ``title`` of each."""


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
    faults: list[BrokenChapter] = field(default_factory=list)
    heading_level: int = 1
    """Of the last heading: that of the title before the first ##."""
    num_code_blocks: int = 0
    num_words: int = 0
    """Words to read: without code."""
    num_short_words: int = 0
    """Words of the opening and of all that lies on the short path."""

    def place(self, html: str) -> str:
        """Keep trusted HTML aside; the returned mark survives sanitising."""
        self.drawings.append(html)
        return f"\ue000{len(self.drawings) - 1}\ue001"

    def report(self, line: int, reason: str) -> None:
        """Note a fault in ``line`` of this file and go on."""
        self.faults.append(BrokenChapter(self.path, line, reason))

    def place_drawn(self, draw: Callable[[], str]) -> str:
        """Place what ``draw`` returns; a fault it raises is noted instead."""
        try:
            return self.place(draw())
        except BrokenChapter as fault:
            self.faults.append(fault)
            return ""

    def value(self, match: re.Match[str]) -> str:
        """The number of a role, wherever in the file it stands; "" with a fault."""
        lines = enumerate(self.lines, start=1)
        line = next((n for n, text in lines if match[0] in text), 1)
        try:
            return self.draw_value(match, line)
        except BrokenChapter as fault:
            self.faults.append(fault)
            return ""
