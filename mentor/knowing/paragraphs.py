"""A section's text in pieces short enough for a prompt. Pure."""

import re
from collections.abc import Iterator
from html import unescape

MIN_PASSAGE_CHARS = 200
"""A shorter paragraph, a heading for one, joins the next."""
MAX_PASSAGE_CHARS = 700
"""Two such passages, the question and two earlier turns fit 2,048 tokens."""
_SUBHEADING = re.compile(
    r'<h3 id="([^"]+)">((?:(?!<span|<a |</?h3).)*+)(?=<span|<a |</h3>)', re.S
)
_SENTENCE = re.compile(r"(?<=[.!?]) +")


def split(text: str) -> list[str]:
    """Its paragraphs, which are lines: short ones joined, long ones cut up. What was a
    line of its own, such as a cell of a table, stays one within a piece."""
    pieces = [
        piece for line in text.splitlines() for piece in _cut(" ".join(line.split()))
    ]
    joined: list[str] = []
    for piece in pieces:
        last = joined[-1] if joined else ""
        is_short = len(last) < MIN_PASSAGE_CHARS
        if last and is_short and len(last) + len(piece) < MAX_PASSAGE_CHARS:
            joined[-1] = f"{last}\n{piece}"
        else:
            joined.append(piece)
    return joined


def _cut(paragraph: str) -> list[str]:
    """Whole sentences up to MAX_PASSAGE_CHARS; a longer sentence is cut hard."""
    pieces = [""] if paragraph else []
    for sentence in _SENTENCE.split(paragraph):
        for start in range(0, len(sentence), MAX_PASSAGE_CHARS):
            part = sentence[start : start + MAX_PASSAGE_CHARS]
            if len(pieces[-1]) + len(part) >= MAX_PASSAGE_CHARS:
                pieces.append("")
            pieces[-1] = f"{pieces[-1]} {part}".strip()
    return [piece for piece in pieces if piece]


def parts(html: str, text: str) -> Iterator[tuple[str, str, str]]:
    """(anchor, title, text) of what stands before a section's first sub-heading, both
    empty, and of each sub-heading; a line of ``text`` that is one begins a part."""
    headings = [(a, unescape(title).strip()) for a, title in _SUBHEADING.findall(html)]
    anchor, title, lines = "", "", list[str]()
    for line in text.splitlines():
        if headings and line.strip() == headings[0][1]:
            yield anchor, title, "\n".join(lines)
            (anchor, title), lines = headings.pop(0), []
        else:
            lines.append(line)
    yield anchor, title, "\n".join(lines)
