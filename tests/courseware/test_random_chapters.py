"""Whatever is typed, a chapter becomes HTML or a list of faults: never an exception,
never a mark shown as it was typed."""

import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from courseware.errors import Unpublishable
from courseware.loader import render_chapter
from courseware.markdown.code import code_blocks
from tests.courseware.conftest import FRONT

PIECES = [
    "word ", "Überblick ", "内存", "3 s ", "$2 ", "$x$", "$$", "$",
    "\\frac{1}{2}", "\\",
    "{claim a}", "{term block}", "{term block|", "{x y}", "{", "}", "|",
    "\n| a | b |\n", "\n|---|--:|\n", "\n\n", "\n", "\n## ", "\n### ", "\n#### ",
    "{#id .short}", " {.short}", "\n::: note T\n", "\n:::\n", "\n::: figure vram\n",
    "\n```bash name=a\n", "\n```\n", "\n~~~\n", "`", "``", "*", "**", "_", "__", "~~",
    "[", "](", ")", "](#id)", "](a.md)", "![x](a.png)", "![", "[^a]", "\n[^a]: Note.\n",
    "\n[r]: https://e.org\n", "[r]", "<", ">", "\n> ", "\n- ", "\n1. ", "  ", "    ",
    "\t", "<b>", "</b>", "<!-- ", " -->", "&amp;", "&x;", "\\{", "\\$", "\\*", "...",
    "--", "---", "\n---\n", "(c)", "'", '"', "!!! note\n", "<https://e.org>",
    "https://e.org", ":x:", "\n$$\n", "\\begin{aligned}", "\\end{aligned}", "&", "%",
    "^", "\u200d", "\u0301", "👩‍🚀",
]  # fmt: skip
RAW = re.compile(
    r":::|\{(?:claim|term) |\*\*|~~|`|\$\$|<!--|-->|\]\(|!\[|\[\^|^#{2,}"
    "|[\ue000-\uf8ff]",
    re.M,
)
CLAIM = "a: {says: S., kind: estimated, source: S, date: '2026-01-01'}\n"
TERMS = {"block": {"name": "Block", "says": "Tokens."}}


class _Words(HTMLParser):
    """The words that a reader sees, code left out; fails on unbalanced elements."""

    VOID = ("br", "hr", "img", "input", "rect", "line", "circle", "path")
    QUIET = ("code", "math", "figure", "style")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += " " if set(self.open) & set(self.QUIET) else data


def _escapes_taken_out(source: str) -> str:
    return re.sub(r"\\[!-/:-@\[-`{-~]", "", source)


@pytest.mark.parametrize("seed", range(400))
def test_random_markdown_becomes_html_or_faults(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    # One piece in many is odd, so that some chapters are whole.
    plain = ["word ", "\n\n", "more words. ", "*a* ", "`x` ", "$n$ ", "{term block} "]
    oddness = chance.choice([0.05, 0.3, 1.0])
    body = "".join(
        chance.choice(PIECES if chance.random() < oddness else plain)
        for _ in range(chance.randint(1, 40))
    )
    body = _escapes_taken_out(body) if seed % 2 else body
    path = tmp_path / "test.md"
    path.write_text(FRONT + body + "{claim a}\n", encoding="utf-8")
    path.with_suffix(".claims.yaml").write_text(CLAIM)
    num_lines = (FRONT + body).count("\n") + 1
    code_blocks(FRONT + body)
    try:
        _, sections = render_chapter(path, TERMS)
    except Unpublishable as error:
        assert error.faults
        for fault in error.faults:
            assert fault.path != path or 1 <= fault.line <= num_lines, str(fault)
        return
    for section in sections:
        reader = _Words()
        reader.feed(f"{section['heading']}<p>{section['title']}</p>{section['html']}")
        assert not reader.open
        if seed % 2:
            found = RAW.search(reader.words)
            assert not found, (found, body)


def test_most_whole_chapters_are_published(tmp_path: Path) -> None:
    path = tmp_path / "test.md"
    path.write_text(FRONT + "Words *a* `x` $n$ {term block}.\n", encoding="utf-8")
    _, (opening,) = render_chapter(path, TERMS)
    assert "<math" in opening["html"] and "term-1" in opening["html"]
