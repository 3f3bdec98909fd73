"""The parser: CommonMark, tables, directives, roles and footnotes."""

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

from courseware.markdown.notes import NOTE_PARTS
from courseware.markdown.page import Page

_ROLE = re.compile(r"\{([a-z]+) ([a-z0-9-]+)(?:\|([^{}|\n]+))?\}")


@cache
def chapter_parser() -> MarkdownIt:
    """The one parser of chapters; it keeps no state of theirs."""
    parser = MarkdownIt("commonmark", {"html": False, "typographer": True})
    parser.enable(["table", "smartquotes", "replacements"])
    parser.use(front_matter_plugin)
    parser.use(container_plugin, "directive", validate=lambda *_: True)
    parser.use(footnote_plugin, inline=False)
    for name, draw in NOTE_PARTS.items():
        parser.add_render_rule(name, draw)
    parser.inline.ruler.before("escape", "role", _parse_role)
    parser.add_render_rule("role", _render_role)
    return parser


def _parse_role(state: StateInline, silent: bool) -> bool:
    match = _ROLE.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        token = state.push("role", "", 0)
        token.meta = {"name": match[1], "argument": match[2], "words": match[3] or ""}
        token.meta["line"] = state.src[: state.pos].count("\n")
    state.pos = match.end()
    return True


def _render_role(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    page: Page = env["page"]
    meta = tokens[index].meta
    drawn = page.draw_role(meta["name"], meta["argument"], meta["words"], meta["line"])
    return page.place(drawn)
