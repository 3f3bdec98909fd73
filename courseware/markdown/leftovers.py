"""What Markdown did not understand: it is refused, never shown as it was typed.

Looks at the words that are left when all else is read, where a character written with
a back-slash is hidden, so ``\\{`` and ``\\**`` are fine.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

ESCAPED, DRAWN = "\ue011", "\ue012"
"""Stand for an escaped character and for what is drawn (code, a role, a formula)."""
_OF_LATEX = {"\\(": "\ue013", "\\[": "\ue014", "\\]": "\ue015", "\\\\": "\ue016"}
"""Escapes that LaTeX begins and ends formulas with, which Markdown would swallow."""
_TYPED = str.maketrans({mark: typed for typed, mark in _OF_LATEX.items()})
_WORDS = {
    r"^:::": "a directive line is ::: name argument, and ends in :::",
    r"^(?:!!!|\?\?\?)": "a box is ::: note Title … :::",
    r"^\[!\w+\]": "a box is ::: note Title … :::",
    r"^#{2,}|^#(?=[A-Za-z])": "a heading is ## and a space, down to ####",
    r"^\||^(?:(?!---)[ :|-])*+---[ :-]*+\|[ :|-]*+$": "this table has no head and "
    "line |---|",
    r"^: ": "lists of definitions are not drawn: use a list, or a term",
    r"^\*\[": "abbreviations are not drawn: use a term of the glossary",
    r"^\[[ xX]\](?= )": "lists of tasks are not drawn",
    r"^\.\. \w+::|:[a-z]+:(?=\ue012)": "reStructuredText is not drawn",
    r"^\+\+\+|^%%|%%$": "comments are <!-- … -->, front matter stands between ---",
    r"^\[(?:TOC|toc)\]|\[\[_?TOC": "the contents are made by the page",
    r"^import (?:[^\n]{1,200} from )?[\"']|^export (?:default|const)\b": "a chapter "
    "runs no JavaScript",
    r"^=== [\"']": "tabs are not drawn: use headings",
    r"--8<--|^<<<": "no other file is put in here: write its words",
    r"^\([\w:.-]+\)=$": "a heading has its name behind it, {#name}",
    r"^\[source\b": "code stands between lines ```",
    r"(?<![\w:]):{1,2}[a-z]+\[": "a directive line is ::: name argument, and ends in "
    ":::",
    r"\^\[": "a footnote is [^name], its words are [^name]: below",
    r"\ue013|^\ue014(?:\s|$|[^\n]*\ue015$)|\ue016[(\[]": "a formula is $…$, or $$…$$ "
    "on its own; a bracket needs no \\",
    r"<!--": "this comment has no end -->",
    r"-->": "this end of a comment has no <!--; an arrow is →",
    r"</?[A-Za-z][\w-]*(?:\s[^<>]*)?/?>|<[!?][^<>]*>": "HTML is not drawn: use a "
    "directive, or show it as `code`",
    r"\$\$": "a formula is $$ … $$ without an empty line in it; money is \\$",
    r"\$(?=\\)": "this formula has no end $",
    r"\[\^[^\]\[]*\]": "the footnote %s has no words",
    r"\[@|\[\[": "this link is not drawn: links are [words](address)",
    r"!\[": "a picture is ![alternative text](file.svg)",
    r"\]\(|\]\[|^\[[^\]\n]+\]:": "this link cannot be read: links are [words](address)",
    r"\{[a-z]+ [^{}\n]*\}": "this role cannot be read",
    r"\{[{%]": "templates of other sites are not run; a brace is \\{",
    r"\{[:.#]": "no attributes are read here; a brace is \\{",
    r"\{": "a brace begins a role, {name argument}: \\{ shows one",
    r"`": "this ` has no pair: \\` shows one",
    r"~~|'''|==(?=\w)|(?<=\w)==|\+\+(?=\w[^+]*\+\+)|(?<!\w)~\w+~|(?<=\w)~\w+~|\^\w+\^":
    "marks of this kind are not drawn: there are *, ** and ~~",
    r"\*\*|(?<=[^\s*])\*(?![\w*])|(?<!\S)\*(?=\S)": "this * has no pair: "
    "\\* shows one",
    r"(?<![\w\ue011\ue016])_+(?=[^\W_])|(?<=[^\W_])_+(?!\w)": "this _ has no pair: "
    "\\_ shows one, or write `code`",
    r"&(?:[A-Za-z]\w*|#\w+);": "this character has no such name: write it itself",
    r"(?<!\w):[a-z][a-z0-9_+-]*:(?!\w)": "this is drawn as no picture: write the "
    "character itself",
    r"(?<![\w\\:])\\[A-Za-z]{2,}": "LaTeX stands in a formula: $…$",
}  # fmt: skip
_PATTERNS = [(re.compile(pattern, re.M), words) for pattern, words in _WORDS.items()]
_PLAIN = re.compile(
    r"[*`]|\{(?!value )|\]\(|</?[A-Za-z][^<>]*>|(?<!\w)_\w[^_]*_(?!\w)|\$[^\s$]+\$"
)


class Leftover(NamedTuple):
    """A mark that is left over: its line (from 0), itself, and what to do."""

    line: int
    found: str
    advice: str

    @property
    def reason(self) -> str:
        """In words: the mark stands before them, or where they have a place for it."""
        if "%s" in self.advice:
            return self.advice.replace("%s", self.found) + "."
        return f"{self.found[:60]!r}: {self.advice}."


def leftovers(state: StateCore) -> None:
    """Keep what is left over in ``meta`` of each run of inline tokens."""
    for token in state.tokens:
        if token.type == "inline":
            token.meta = {**token.meta, "leftovers": list(_find(token.children or []))}


def marks_in(words: str) -> str:
    """The first mark in words that are shown as they are (a title), or ""."""
    match = _PLAIN.search(words)
    return match.group() if match else ""


def _find(children: list[Token]) -> Iterator[Leftover]:
    text, lines, ends, line = "", [], [], 0
    is_auto = False
    for child in children:
        line = child.meta.get("line", line)
        if child.type == "link_open":
            is_auto = child.info == "auto"
        elif child.type == "link_close":
            is_auto = False
        text += DRAWN if is_auto else _shown(child)
        lines.append(line)
        ends.append(len(text))
    taken = 0
    found = sorted(
        (match.start(), -match.end(), order, match.group(), words)
        for order, (pattern, words) in enumerate(_PATTERNS)
        for match in pattern.finditer(text)
    )
    for start, end, _, mark, words in found:
        if start >= taken:
            at = next(i for i, stop in enumerate(ends) if start < stop)
            yield Leftover(lines[at], mark.translate(_TYPED), words)
            taken = max(-end, start + 1)


def _shown(child: Token) -> str:
    if child.type == "text":
        return child.content
    if child.type == "text_special":
        if child.info == "escape" and child.markup in _OF_LATEX:
            return _OF_LATEX[child.markup]
        is_mark = child.info == "entity" or len(child.content) == 1
        return ESCAPED if is_mark else child.content  # "\\a" is no escape
    if child.type in ("softbreak", "hardbreak"):
        return "\n"
    return "" if child.type in ("comment", "link_open", "link_close") else DRAWN
