"""What a chapter may hold: lines to roles, numbers with claims, no leftovers."""

import re

from markdown_it.token import Token

from courseware.claims import MARK, unclaimed
from courseware.markdown.headings import name_heading
from courseware.markdown.page import Page
from courseware.typography import typeset


def check(page: Page, tokens: list[Token]) -> None:
    """Lines to roles, headings to anchors, and all that the parser lets through."""
    line = 1
    row: list[str] = []
    header = ""
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type == "heading_open":
            name_heading(page, token, tokens[index + 1], line)
        elif token.type in ("th_open", "td_open"):
            align = str(token.attrs.pop("style", ""))
            token.attrs.update({"class": "number"} if "right" in align else {})
        elif token.type == "tr_open":
            row = []
        elif token.type == "thead_close":
            header = " ".join(row)
        elif token.type == "tr_close" and MARK not in header + "".join(row):
            _check_numbers(page, " ".join(row), line)
        elif token.type == "table_close":
            header = ""
        elif token.type == "inline":
            row.append(_check_inline(page, token, line))
            if tokens[index - 1].type not in ("th_open", "td_open"):
                _check_numbers(page, row[-1], line)


def _check_inline(page: Page, token: Token, line: int) -> str:
    """The plain text of a run of inline tokens, claim marks as MARK."""
    words: list[str] = []
    for child in token.children or []:
        if child.type == "role":
            child.meta["line"] += line
            words.append(MARK if child.meta["name"] == "claim" else child.meta["words"])
        elif child.type == "image":
            raise page.fail(line, "images are not loaded: draw a figure directive.")
        elif child.type == "link_open":
            page.links.append((child, line))
        elif child.type == "text":
            words.append(child.content)
            child.content = typeset(child.content)
        elif child.type in ("softbreak", "hardbreak", "code_inline"):
            words.append(" ")
    text = "".join(words)
    if text.startswith(":::"):
        raise page.fail(line, "a directive line is ::: name argument, and ends in :::.")
    if note := re.search(r"\[\^[^\]]*\]", text):
        raise page.fail(line, f"the footnote {note.group()} has no words.")
    if re.search(r"\{[a-z]+ [^}]*\}", text):
        raise page.fail(line, f"this role cannot be read: {text[:60]!r}.")
    return text


def _check_numbers(page: Page, text: str, line: int) -> None:
    for number in unclaimed(text):
        raise page.fail(line, f"{number!r} has no claim: add {{claim id}} beside it.")
