"""Headings: their number, words, anchor, and whether they are on the short path."""

import re
import unicodedata
from typing import NamedTuple

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from courseware.markdown.page import Page

MAX_TITLE, MAX_ANCHOR = 200, 100
OF_THE_PAGE = (
    "sources", "notes", "main", "instrument", "opening", "end", "chapter-title",
)  # fmt: skip
_NUMBER = re.compile(r"(\d{1,6})\. ")
_MARKS = re.compile(r"(?<!\\)\{(?:#(?P<anchor>[\w-]+))?(?P<short>\s*\.short)?\}\Z")


class Heading(NamedTuple):
    """What the words of a heading say."""

    number: int | None
    title: str
    anchor: str
    is_short: bool


def read_heading(words: str) -> Heading:
    """``1. Title {#anchor .short}``, of which only the title must be there."""
    numbered, marks = _NUMBER.match(words), _MARKS.search(words)
    start = numbered.end() if numbered else 0
    title = words[start : marks.start() if marks else None].strip()
    number = int(numbered[1]) if numbered else None
    named = marks["anchor"] if marks else ""
    anchor = unicodedata.normalize("NFC", named or slug_of(title))
    return Heading(number, title, anchor, bool(marks and marks["short"]))


def slug_of(title: str) -> str:
    """Letters, marks and digits of any script in lower case, the rest as dashes."""
    plain = re.sub(r"\{[a-z]+ ([^{}|]*\|)?|\]\([^)\]]*\)", " ", title)
    folded = unicodedata.normalize("NFC", plain).lower()
    kept = (c if unicodedata.category(c)[0] in "LMN" else "-" for c in folded)
    return re.sub("-+", "-", "".join(kept)).strip("-")[:MAX_ANCHOR].strip("-")


def headings(state: StateCore) -> None:
    """Take number, anchor and mark out of the words, before these are parsed."""
    for index, token in enumerate(state.tokens):
        if token.type == "heading_open":
            inline = state.tokens[index + 1]
            heading = read_heading(inline.content)
            inline.content = heading.title
            inline.meta = {"is_title": True}
            token.meta = {"heading": heading}


def check_heading(page: Page, token: Token, words: str, line: int) -> None:
    """Give a heading its id; ``words`` are its title as plain text."""
    heading: Heading = token.meta["heading"]
    token.meta["title"] = words
    if token.tag == "h1":
        page.report(line, "the title stands in the front matter: start with ##.")
    elif token.tag in ("h5", "h6"):
        page.report(line, "headings go from ## down to ####.")
    elif int(token.tag[1]) > page.heading_level + 1:
        marks = "#" * int(token.tag[1])
        page.report(line, f"a {marks} stands below a {marks[1:]}.")
    page.heading_level = int(token.tag[1])
    if len(words) > MAX_TITLE or len(heading.anchor) > MAX_ANCHOR:
        page.report(
            line,
            f"a heading has at most {MAX_TITLE} letters, its id {MAX_ANCHOR}.",
        )
    if heading.is_short and (token.level or token.tag not in ("h2", "h3")):
        page.report(line, "only ## and ### outside of boxes are on the short path.")
    _check_anchor(page, heading.anchor, line)
    token.attrs["id"] = heading.anchor


def _check_anchor(page: Page, anchor: str, line: int) -> None:
    if not anchor:
        page.report(line, "this heading needs an id: add {#id} to it.")
    elif anchor in page.anchors or anchor in OF_THE_PAGE:
        where = page.anchors.get(anchor)
        used = f"in line {where}" if where else "by the page"
        page.report(line, f"the id {anchor!r} is already used {used}.")
    else:
        page.anchors[anchor] = line
