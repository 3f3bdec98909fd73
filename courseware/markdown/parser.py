"""The parser: CommonMark, tables, directives, roles, formulas, footnotes, comments."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin

from courseware.markdown.code import render_code
from courseware.markdown.comments import comments_plugin
from courseware.markdown.formulas import formulas_plugin
from courseware.markdown.headings import headings
from courseware.markdown.inline_lines import LinedInline
from courseware.markdown.leftovers import leftovers
from courseware.markdown.notes import NOTE_PARTS, check_notes
from courseware.markdown.page import Page
from courseware.markdown.pictures import render_picture
from courseware.markdown.typography import dashes
from courseware.values import parse_value

MAX_NESTING = 20
_ROLE = re.compile(r"\{([a-z]+) ([^\s{}|][^{}|\n]*)(?:\|([^{}|\n]+))?\}")


@cache
def chapter_parser() -> MarkdownIt:
    """The one parser of chapters; it keeps no state of theirs."""
    options = {
        "html": False,
        "typographer": True,
        "maxNesting": MAX_NESTING,
        "store_labels": True,
    }
    parser = MarkdownIt("commonmark", options)
    parser.inline = LinedInline()
    parser.configure("commonmark", options)
    parser.enable(["table", "smartquotes", "strikethrough"])
    parser.use(front_matter_plugin)
    parser.use(comments_plugin)
    parser.use(formulas_plugin)
    parser.use(container_plugin, "directive", validate=lambda *_: True)
    parser.use(footnote_plugin, inline=False)
    parser.inline.ruler.before("escape", "role", _parse_role)
    parser.inline.ruler.before("role", "value", parse_value)
    parser.core.ruler.before("inline", "headings", headings)
    parser.core.ruler.before("footnote_tail", "leftovers", leftovers)
    parser.core.ruler.before("footnote_tail", "notes", check_notes)
    parser.core.ruler.before("smartquotes", "dashes", dashes)
    drawn = {
        **NOTE_PARTS,
        "role": _render_role,
        "image": render_picture,
        "fence": render_code,
        "code_block": render_code,
    }
    for name, draw in drawn.items():
        parser.add_render_rule(name, draw)
    return parser


def _parse_role(state: StateInline, silent: bool) -> bool:
    match = _ROLE.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("role", "", 0)
        name, argument, words = match.groups()
        token.meta |= {"name": name, "argument": argument.strip(), "words": words or ""}
    state.pos = match.end()
    return True


def _render_role(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    page: Page = env["page"]
    meta = tokens[index].meta
    name, argument, words = meta["name"], meta["argument"], meta["words"]
    return page.place_drawn(lambda: page.draw_role(name, argument, words, meta["line"]))
