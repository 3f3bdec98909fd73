"""Code in a chapter: its name and file, its colours, and a region that scrolls.

```bash name=serve          a name, by which a test finds the block
```yaml file=deployment.yaml    the file it stands for, shown above it
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.template.loader import render_to_string
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.front_matter import front_matter_plugin
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Literal, Name, Number, String

from courseware.markdown.comments import comments_plugin
from courseware.markdown.page import Page

LEXERS = {
    "bash": "bash",
    "console": "console",
    "dockerfile": "docker",
    "json": "json",
    "python": "python",
    "text": "text",
    "yaml": "yaml",
}
"""Language of a chapter to Pygments' lexer."""
_COLOURS = {
    Comment: "c",
    Generic.Prompt: "c",
    Keyword: "k",
    Name.Builtin: "n",
    Name.Function: "n",
    Name.Class: "n",
    Name.Decorator: "n",
    Name.Tag: "n",
    Name.Variable: "v",
    String: "s",
    Number: "d",
    Literal: "s",
}
"""Kind of token to the class of its colour; kinds within it are of its colour."""
_ATTRIBUTE = re.compile(r"(name|file)=(\S+)")
_VALUES = {"name": r"[a-z0-9]+(-[a-z0-9]+)*", "file": r"(?!/)(?!.*\.\.)[\w./-]+"}


@dataclass(frozen=True)
class CodeBlock:
    """A fenced block as it stands in a chapter; ``line`` is that of its fence."""

    language: str
    name: str
    file: str
    code: str
    line: int


def code_blocks(text: str) -> list[CodeBlock]:
    """The fenced blocks of a chapter's source, also those in lists and boxes."""
    parser = MarkdownIt("commonmark", {"html": False})
    parser.use(front_matter_plugin).use(comments_plugin)
    fences = (token for token in parser.parse(text) if token.type == "fence")
    return [_block(token) for token in fences]


def _block(token: Token) -> CodeBlock:
    language, _, rest = token.info.strip().partition(" ")
    given = dict(_ATTRIBUTE.findall(rest))
    line = token.map[0] + 1 if token.map else 1
    return CodeBlock(
        language or "text",
        given.get("name", ""),
        given.get("file", ""),
        token.content,
        line,
    )


def check_code(page: Page, token: Token, names: set[str]) -> None:
    """Report an unknown language, what else its first line says, a missing end."""
    block = _block(token)
    if block.language not in LEXERS:
        known = ", ".join(LEXERS)
        page.report(
            block.line,
            f"code of the language {block.language!r} is not known: known are {known}.",
        )
    for reason in _info_faults(token.info, names):
        page.report(block.line, reason)
    first, end = token.map or [0, 0]
    last = page.lines[end - 1].strip("> \t") if 0 < end <= len(page.lines) else ""
    if end - 1 <= first or set(last) != {token.markup[0]}:
        page.report(block.line, f"this code has no end {token.markup}.")


def _info_faults(info: str, names: set[str]) -> Iterator[str]:
    for part in info.split()[1:]:
        match = _ATTRIBUTE.fullmatch(part)
        if match is None or not re.fullmatch(_VALUES[match[1]], match[2]):
            yield f"{part!r} is not understood: code has a language, name= and file=."
        elif match[1] == "name" and match[2] in names:
            yield f"the name {match[2]!r} is given to a second block."
        elif match[1] == "name":
            names.add(match[2])


def render_code(
    renderer: object, tokens: Sequence[Token], index: int, options: object, env: Any
) -> str:
    """Markdown-it's rule for fenced and indented code."""
    page: Page = env["page"]
    block = _block(tokens[index])
    label = f"Code {tokens[index].meta['number']}: {block.file or block.language}"
    context = {"block": block, "label": label, "html": coloured(block)}
    drawn = render_to_string("courseware/_code.html", context)
    return page.place(drawn.strip()) + "\n"


def coloured(block: CodeBlock) -> str:
    """The code as HTML, each run of one colour in a span of its class."""
    lexer = get_lexer_by_name(
        LEXERS.get(block.language, "text"), stripnl=False, ensurenl=False
    )
    runs = ((_colour(kind), words) for kind, words in lexer.get_tokens(block.code))
    pieces = []
    for colour, run in groupby(runs, key=lambda pair: pair[0]):
        words = html.escape("".join(words for _, words in run), quote=False)
        is_plain = not colour or not words.strip()
        pieces.append(words if is_plain else f'<span class="{colour}">{words}</span>')
    return "".join(pieces).rstrip("\n")


def _colour(kind: Any) -> str:
    while kind is not None:
        if kind in _COLOURS:
            return _COLOURS[kind]
        kind = kind.parent
    return ""
