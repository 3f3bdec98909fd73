"""Formulas and code within an answer, drawn as in the chapters.

What they are made of is a model's words, so they never pass through as HTML: while the
rest is rendered and sanitised a mark that nobody can guess stands in their place, and
afterwards what was drawn from their text by courseware.markdown.
"""

import html
import re
import secrets
from collections.abc import Sequence
from typing import Any

from django.utils.html import escape
from markdown_it import MarkdownIt
from markdown_it.token import Token

from courseware.markdown.code import LEXERS, CodeBlock, coloured
from courseware.markdown.formulas import formulas_plugin
from courseware.markdown.mathml import BadFormula, to_mathml

_CODE = r"(?:```.*?(?:```|\Z)|`[^`\n]*`)"
_DISPLAY = re.compile(rf"({_CODE})|\\\[((?:(?!\\\[).)+?)\\\]", re.S)
_INLINE = re.compile(rf"({_CODE})|\\\(((?:(?!\\\().)+?)\\\)", re.S)
_MARK = re.compile(r"([0-9a-f]{32})x(\d+)x")
_NAMES = {"sh": "bash", "shell": "bash", "py": "python", "yml": "yaml"}
"""Languages as models name them, to those of a chapter."""


class Drawn:
    """What was drawn while one text is rendered, by its mark."""

    def __init__(self) -> None:
        self._mark = secrets.token_hex(16)
        self._drawn: list[str] = []

    def place(self, drawn: str) -> str:
        """The mark that stands for it."""
        self._drawn.append(drawn)
        return f"{self._mark}x{len(self._drawn) - 1}x"

    def put_back(self, clean: str) -> str:
        """Sanitised HTML with all marks replaced."""
        return _MARK.sub(self._drawn_at, clean) if self._drawn else clean

    def _drawn_at(self, match: re.Match[str]) -> str:
        is_ours = match[1] == self._mark
        return self._drawn[int(match[2])] if is_ours else match[0]


def drawing_plugin(parser: MarkdownIt) -> None:
    """Draw formulas and fenced code; ``env["drawn"]`` is a Drawn."""
    formulas_plugin(parser)
    parser.add_render_rule("math_inline", _formula)
    parser.add_render_rule("math_block", _formula)
    parser.add_render_rule("fence", _code)
    parser.add_render_rule("code_block", _code)


def with_dollars(text: str) -> str:
    r"""Formulas written ``\(…\)`` and ``\[…\]`` as ``$…$`` and ``$$…$$``, code left
    alone."""
    if "\\" not in text:
        return text
    text = _DISPLAY.sub(lambda match: match[1] or f"$${match[2].strip()}$$", text)
    return _INLINE.sub(lambda match: match[1] or f"${match[2].strip()}$", text)


def _formula(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    """MathML; what is no formula stays the words it was."""
    token = tokens[index]
    is_display = token.markup == "$$"
    try:
        drawn = to_mathml(token.content.strip(), is_display)
    except BadFormula:
        return escape(f"{token.markup}{token.content}{token.markup}")
    if is_display:
        drawn = (
            '<span class="formula-display" tabindex="0" role="group" '
            f'aria-label="Formula">{drawn}</span>'
        )
    return str(env["drawn"].place(drawn))


def _code(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    token = tokens[index]
    named = html.unescape(token.info).strip().split(" ")[0].lower()
    language = _NAMES.get(named, named)
    language = language if language in LEXERS else "text"
    block = CodeBlock(language, "", "", token.content, 0)
    drawn = (
        f'<div class="code" data-language="{language}"><pre tabindex="0" role="region" '
        f'aria-label="Code: {language}"><code>{coloured(block)}</code></pre></div>'
    )
    return str(env["drawn"].place(drawn)) + "\n"
