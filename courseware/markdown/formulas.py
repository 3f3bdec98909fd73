"""Formulas in a chapter: ``$…$`` in a line, ``$$…$$`` on their own.

An opening $ is followed by no space; a closing one follows no space, and no digit
follows it: so ``$2 and $3`` stays money.
"""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.dollarmath.index import math_block_dollar

from courseware.errors import BrokenChapter
from courseware.markdown.mathml import BadFormula, to_mathml
from courseware.markdown.page import Page

_INLINE = re.compile(
    r"\$\$(?!\s)(?P<display>(?:\\.|[^$\\])+?)(?<!\s)\$\$"
    r"|\$(?![\s$])(?P<words>(?:\\.|[^$\\])+?)(?<!\s)\$(?!\d)",
    re.S,
)


def formulas_plugin(parser: MarkdownIt) -> None:
    """Read formulas, and draw them as MathML."""
    interrupts: RuleOptionsType = {
        "alt": ["paragraph", "reference", "blockquote", "list"]
    }
    parser.block.ruler.before("fence", "math_block", _block, interrupts)
    parser.inline.ruler.before("escape", "math_inline", _inline)
    parser.add_render_rule("math_inline", _render)
    parser.add_render_rule("math_block", _render)


_read_block = math_block_dollar(allow_labels=False, allow_blank_lines=False)


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The plugin's rule, which would push its token in silent mode too."""
    line, num_tokens = state.line, len(state.tokens)
    is_read = _read_block(state, start, end, silent)
    if is_read and silent:
        del state.tokens[num_tokens:]
        state.line = line
    return is_read


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    match = _INLINE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        token = state.push("math_inline", "math", 0)
        token.content = match["display"] or match["words"]
        token.markup = "$$" if match["display"] else "$"
    state.pos = match.end()
    return True


def _render(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    token, page = tokens[index], env["page"]
    return str(page.place_drawn(lambda: _draw(page, token)))


def _draw(page: Page, token: Token) -> str:
    is_display = token.markup == "$$"
    try:
        drawn = to_mathml(token.content.strip(), is_display)
    except BadFormula as error:
        line = token.map[0] + 1 if token.map else token.meta["line"]
        raise BrokenChapter(
            page.path, line + error.line, f"this formula cannot be read: {error}."
        ) from error
    if not is_display:
        return drawn
    tag = "span" if token.type == "math_inline" else "div"
    return (
        f'<{tag} class="formula-display" tabindex="0" role="group" '
        f'aria-label="Formula">{drawn}</{tag}>'
    )
