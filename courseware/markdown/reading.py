"""A chapter's source to its sections."""

import re

from courseware.markdown.checks import check
from courseware.markdown.drawing import draw_piece, split
from courseware.markdown.front_matter import read_front_matter
from courseware.markdown.links import check_links, check_references
from courseware.markdown.page import Page, Piece
from courseware.markdown.parser import chapter_parser
from courseware.markdown.short_path import lead_along

_PRIVATE = re.compile("[\ue000-\uf8ff\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
MAX_LINE_LETTERS = 20_000


def read_page(page: Page, source: str) -> list[Piece]:
    """Parse and draw; all that is wrong lies in ``page.faults`` afterwards."""
    page.lines = source.split("\n")
    if not _is_readable(page):
        return []
    env = {"page": page}
    tokens = chapter_parser().parse(source, env)
    page.meta = read_front_matter(page, tokens)
    tokens = [token for token in tokens if token.type != "front_matter"]
    check(page, tokens)
    check_links(page)
    check_references(page, env)
    lead_along(page, tokens)
    return [draw_piece(page, piece, body) for piece, body in split(tokens)]


def _is_readable(page: Page) -> bool:
    """Whether every line is short enough and of characters that may stand there."""
    for number, text in enumerate(page.lines, start=1):
        for match in _PRIVATE.finditer(text[:MAX_LINE_LETTERS]):
            page.report(number, f"the character {match.group()!r} is not allowed.")
        if len(text) > MAX_LINE_LETTERS:
            page.report(
                number,
                f"{len(text):,} letters in a line; at most {MAX_LINE_LETTERS:,}.",
            )
    return not page.faults
