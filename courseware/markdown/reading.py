"""A chapter's source to its sections."""

import re

from courseware.markdown.checks import check
from courseware.markdown.drawing import draw_piece, split
from courseware.markdown.front_matter import read_front_matter
from courseware.markdown.links import check_links
from courseware.markdown.page import Page, Piece
from courseware.markdown.parser import chapter_parser

_PRIVATE = re.compile("[\ue000-\uf8ff\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
MAX_LINE_LETTERS = 20_000


def read_page(page: Page, source: str) -> list[Piece]:
    """Parse and draw; raises BrokenChapter at the first thing that is wrong."""
    if match := _PRIVATE.search(source):
        line = source[: match.start()].count("\n") + 1
        raise page.fail(line, f"the character {match.group()!r} is not allowed.")
    page.lines = source.splitlines()
    for number, text in enumerate(page.lines, start=1):
        if len(text) > MAX_LINE_LETTERS:
            raise page.fail(
                number,
                f"{len(text):,} letters in a line; at most {MAX_LINE_LETTERS:,}.",
            )
    tokens = chapter_parser().parse(source, {"page": page})
    page.meta = read_front_matter(page, tokens)
    tokens = [token for token in tokens if token.type != "front_matter"]
    check(page, tokens)
    check_links(page)
    return [draw_piece(page, piece, body) for piece, body in split(page, tokens)]
