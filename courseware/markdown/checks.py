"""What a chapter may hold: lines to tokens, numbers with claims, no leftovers."""

import re
from bisect import bisect_right

from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from courseware.claims import MARK, unclaimed_at
from courseware.markdown.code import check_code
from courseware.markdown.headings import check_heading
from courseware.markdown.page import Page
from courseware.markdown.parser import MAX_NESTING
from courseware.typography import typeset

CLAIMING = {"claim"}
"""Roles that say where the numbers beside them come from."""


class _Words:
    """Plain words of a run of inline tokens, each with its line."""

    def __init__(self, line: int) -> None:
        self.text, self._starts, self._lines = "", [0], [line]

    def add(self, words: str, line: int) -> None:
        self._starts.append(len(self.text))
        self._lines.append(line)
        self.text += words

    def line_at(self, place: int) -> int:
        return self._lines[bisect_right(self._starts, place) - 1]


def check(page: Page, tokens: list[Token]) -> None:
    """Lines to roles, headings to anchors, and all that the parser lets through."""
    line = 1
    row: list[_Words] = []
    header = ""
    names: set[str] = set()
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        _check_block(page, tokens, index, line, names)
        if token.type == "tr_open":
            row = []
        elif token.type == "thead_close":
            header = " ".join(words.text for words in row)
        elif token.type == "tr_close":
            _check_row(page, row, header)
        elif token.type == "inline":
            row.append(_check_run(page, tokens[index - 1], token, line))


def _check_block(
    page: Page, tokens: list[Token], index: int, line: int, names: set[str]
) -> None:
    """``names`` are those of the blocks of code so far."""
    token = tokens[index]
    if token.nesting == 1 and token.level + 2 >= MAX_NESTING:
        page.report(line, f"it nests deeper than {MAX_NESTING} levels.")
    elif token.type in ("fence", "code_block"):
        page.num_code_blocks += 1
        token.meta["number"] = page.num_code_blocks
        if token.type == "fence":
            check_code(page, token, names)
    elif token.type == "tr_open":
        _check_cells(page, tokens, index, line)
    elif token.type in ("th_open", "td_open"):
        align = str(token.attrs.pop("style", ""))
        token.attrs.update({"class": "number"} if "right" in align else {})


def _check_run(page: Page, before: Token, token: Token, line: int) -> _Words:
    """A run of inline tokens, which is a paragraph, a heading or a cell."""
    words = _check_inline(page, token, line)
    if before.type == "heading_open":
        plain = words.text.replace(MARK, "").replace("\n", " ").strip()
        check_heading(page, before, typeset(plain), line)
    if before.type not in ("th_open", "td_open"):
        _check_numbers(page, words)
    return words


def _check_inline(page: Page, token: Token, first: int) -> _Words:
    """Lines for the tokens within; their plain text, claim marks as MARK."""
    words, line = _Words(first), first
    for child in token.children or []:
        line = first + child.meta["line"] if "line" in child.meta else line
        child.meta["line"] = line
        if child.type == "role":
            is_claim = child.meta["name"] in CLAIMING
            words.add(MARK if is_claim else child.meta["words"], line)
        elif child.type == "link_open":
            page.links.append((child, line))
        elif child.type == "text":
            words.add(child.content, line)
            child.content = typeset(child.content.replace(MARK, ""))
        elif child.type == "code_inline" and token.meta.get("is_title"):
            words.add(child.content, line)
        elif child.type in ("code_inline", "math_inline"):
            words.add(" ", line)
        elif child.type in ("softbreak", "hardbreak"):
            words.add("\n", line)
    for left in token.meta.get("leftovers", []):
        page.report(first + left.line, left.reason)
    return words


def _check_numbers(page: Page, words: _Words) -> None:
    for place, number in unclaimed_at(words.text):
        line = words.line_at(place)
        page.report(line, f"{number!r} has no claim: add {{claim id}} beside it.")


def _check_row(page: Page, row: list[_Words], header: str) -> None:
    if not any(MARK in text for text in (header, *(words.text for words in row))):
        for words in row:
            _check_numbers(page, words)


def _check_cells(page: Page, tokens: list[Token], index: int, line: int) -> None:
    """A row has as many cells as the head: Markdown drops those too many."""
    cells = 0
    for token in tokens[index + 1 :]:
        if token.type == "tr_close":
            break
        cells += token.type in ("td_open", "th_open")
    source = re.sub(r"^[\s>]*\|?|\|?\s*$", "", page.lines[line - 1])
    typed = len(escapedSplit(source))
    if tokens[index + 1].type == "td_open" and typed > cells:
        page.report(line, f"this row has {typed} cells, the head has {cells}.")
