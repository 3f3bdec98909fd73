"""Model output to HTML that is safe to show. Pure.

Nothing loads by itself: no raw HTML, no images; links go to http(s) only and tell the
other side nothing. Formulas and code are drawn as in the chapters (mentor.drawn).
Headings become bold lines, so that an answer never breaks the outline of the page.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mentor.drawn import Drawn, drawing_plugin, with_dollars

_TAGS = "p br strong em s code pre blockquote ul ol li hr a table thead tbody tr th td"
TAGS = set(_TAGS.split())
ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
LINK_REL = "noopener nofollow noreferrer"
KEPT_SENTENCES = 1_024
"""The course's own come back with every question about the same, three times each."""


def render(text: str) -> SafeString:
    """Sanitised HTML of an answer."""
    drawn = Drawn()
    html = _parser().render(with_dollars(text), {"drawn": drawn})
    return _clean(html, drawn)


@lru_cache(KEPT_SENTENCES)
def render_inline(text: str) -> SafeString:
    """Sanitised HTML of one sentence, without a paragraph around it; code in a fence
    stands for itself."""
    if is_block(text):
        return render(text)
    drawn = Drawn()
    html = _parser().renderInline(with_dollars(text), {"drawn": drawn})
    return _clean(html, drawn)


def is_block(text: str) -> bool:
    """Whether a "sentence" is a block of code."""
    return text.startswith("```")


def _clean(html: str, drawn: Drawn) -> SafeString:
    return mark_safe(drawn.put_back(_sanitised(html)))


def _sanitised(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_absolute_links,
        url_schemes={"http", "https"},
        link_rel=LINK_REL,
    )


@cache
def _parser() -> MarkdownIt:
    """One for all threads; it has put its rules in order before another sees it."""
    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    parser.use(drawing_plugin)
    parser.add_render_rule("image", _alternative_text)
    parser.add_render_rule("heading_open", _open_bold)
    parser.add_render_rule("heading_close", _close_bold)
    parser.render("")
    return parser


def _alternative_text(
    renderer: Any, tokens: Sequence[Token], index: int, *_: Any
) -> str:
    return escape(tokens[index].content)


def _open_bold(renderer: Any, tokens: Sequence[Token], *_: Any) -> str:
    return "<p><strong>"


def _close_bold(renderer: Any, tokens: Sequence[Token], *_: Any) -> str:
    return "</strong></p>\n"


def _absolute_links(tag: str, attribute: str, value: str) -> str | None:
    """A model cannot point into this site: relative links lose their target."""
    if attribute == "href" and not value.startswith(("http://", "https://")):
        return None
    return value
