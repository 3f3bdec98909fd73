"""Headings: their number, words and anchor."""

import re

from markdown_it.token import Token

from courseware.markdown.page import Page
from courseware.markdown.parser import chapter_parser
from courseware.typography import typeset

_HEADING = re.compile(r"^(?:(\d+)\. )?(.*?)(?: \{#([a-z0-9-]+)\})?$")


def anchor_of(heading: str) -> tuple[str | None, str, str]:
    """(number, title, anchor) of the words of a heading."""
    match = _HEADING.match(heading)
    assert match is not None
    number, title, anchor = match.groups()
    return number, title, anchor or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def name_heading(page: Page, token: Token, inline: Token, line: int) -> None:
    """Give a heading its id, and keep its number and title in ``meta``."""
    number, title, anchor = anchor_of(inline.content)
    if token.tag == "h1":
        raise page.fail(line, "the title stands in the front matter: start with ##.")
    if not anchor:
        raise page.fail(line, "this heading needs an id: add {#id} to it.")
    if anchor in page.anchors or anchor in ("sources", "notes", "main", "instrument"):
        where = page.anchors.get(anchor)
        used = f"in line {where}" if where else "by the page"
        raise page.fail(line, f"the id {anchor!r} is already used {used}.")
    page.anchors[anchor] = line
    token.attrs["id"] = anchor
    token.meta = {"number": int(number) if number else None, "title": typeset(title)}
    inline.content = title
    inline.children = chapter_parser().parseInline(title)[0].children
