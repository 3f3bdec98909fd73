"""Model output as HTML: nothing loads by itself, nothing runs."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from mentor.drawn import Drawn
from mentor.knowing.sentences import sentences
from mentor.markdown import _parser, render, render_inline


def test_markdown_is_drawn():
    html = render(
        "**Blocks** of `KV`:\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    )
    for piece in (
        "<strong>Blocks</strong>",
        "<code>KV</code>",
        "<li>one</li>",
        "<td>1",
    ):
        assert piece in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://evil.example/pixel.png)",
        "[![x](https://evil.example/a.png)](https://evil.example)",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "<javascript:alert(1)>",
        "[x][r]\n\n[r]: javascript:alert(1)",
        "![x](data:image/svg+xml;base64,PHN2Zz4=)",
        "> - **[x](java&#115;cript:alert(1))** <iframe src=//evil.example></iframe>",
        '<a href="https://evil.example" onclick="alert(1)">x</a>',
        "```html\n</code></pre><script>alert(1)</script>\n```",
        '![" onerror="alert(1)](x)',
        "<style>@import url(//evil.example)</style>",
    ],
)
def test_nothing_runs_and_nothing_loads(text):
    html = render(text)
    tags = re.findall(r"<\s*([a-z0-9]+)([^>]*)>", html, re.I)
    assert {name for name, _ in tags} <= set(
        "p a strong em code pre blockquote ul ol li br div span".split()
    )
    for name, attributes in tags:
        own = r'(\s(class|data-language|tabindex|role|aria-label)="[\w: -]*")*'
        allowed = r'(\s(href="https?://[^"]*"|rel="[^"]*"))*' if name == "a" else own
        assert re.fullmatch(allowed, attributes), (name, attributes)


def test_links_go_outside_only_and_tell_the_other_side_nothing():
    html = render("[vLLM](https://docs.vllm.ai) [out](/accounts/delete) [o](//evil.ex)")
    assert 'href="https://docs.vllm.ai"' in html
    assert 'rel="noopener nofollow noreferrer"' in html
    assert html.count("href=") == 1


def test_an_image_leaves_its_words():
    assert render("![a block table](x.png)") == "<p>a block table</p>\n"


def test_headings_do_not_break_the_outline_of_the_page():
    assert render("# Blocks") == "<p><strong>Blocks</strong></p>\n"


def test_unclosed_and_deeply_nested_markdown_is_survived():
    assert render("**bold `code [link](") != ""
    assert render("> " * 500 + "deep") != ""
    assert render("[" * 2_000) != ""


def test_formulas_and_code_are_drawn_as_in_a_chapter():
    html = render(
        "With $2 \\times L$ and \\(a^2\\):\n\n$$\nx_1\n$$\n\n```python\nx = 1\n```"
    )
    assert html.count("<math ") == 3
    assert '<math display="inline" alttext="2 \\times L">' in html
    assert 'class="formula-display"' in html
    assert '<div class="code" data-language="python">' in html
    assert 'x = <span class="d">1</span>' in html
    assert "<math" in render_inline("The size is $a^2$.")


@pytest.mark.parametrize(
    "text",
    [
        "It costs $2.69 an hour, or $3.99 at most.",
        "`$a$` and `\\(x\\)` are code",
        "$ a $ and 5$",
    ],
)
def test_money_and_code_are_no_formulas(text):
    assert "<math" not in render(text)


@pytest.mark.parametrize(
    "text",
    [
        "$<script>alert(1)</script>$",
        "$\\text{<img src=x onerror=alert(1)>}$",
        "$\\href{javascript:alert(1)}{x}$",
        '$\\class{" onclick="alert(1)}{x}$',
        "$\\unicode{<}$",
        '$$x" onmouseover="alert(1)$$',
        "\\[</math><script>alert(1)</script>\\]",
        "$\\frac{" + "{" * 500 + "$",
        "```python onclick=alert(1)\nx = '</code></pre><script>alert(1)</script>'\n```",
        '```"><script>alert(1)</script>\nx\n```',
        "    <script>alert(1)</script>",
        "![$a$](https://evil.example/x.png) [$a$](javascript:alert(1))",
        '[x](https://e.example/$a$ "$b$") $x',
    ],
)
def test_no_formula_and_no_code_brings_markup_of_its_own(text):
    for html in (render(text), *map(render_inline, sentences(text))):
        tags = re.findall(r"<\s*([a-z0-9]+)([^>]*)>", html, re.I)
        names = {name for name, _ in tags}
        assert not names & set("script img iframe style svg form object".split())
        for name, attributes in tags:
            own = set(re.findall(r"\s([a-z-]+)=", re.sub(r'"[^"]*"', '""', attributes)))
            assert own <= set(
                "href rel title class data-language tabindex role aria-label display "
                "alttext stretchy fence form separator mathvariant "
                "linethickness".split()
            ), (name, attributes)
        for link in re.findall(r'href="([^"]*)"', html):
            assert link.startswith("https://")


def test_a_model_cannot_name_the_mark_of_what_is_drawn():
    one, other = Drawn(), Drawn()
    mark = one.place("<b>drawn</b>")
    assert other.put_back(mark) == mark
    assert one.put_back(f"a {mark} b") == "a <b>drawn</b> b"


def test_what_looks_like_a_mark_stays_beside_what_is_drawn():
    foreign = "0123456789abcdef01234567x0x"
    html = render(f"{foreign} abc$a$ {foreign}")
    assert html.count(foreign) == 2
    assert html.count("<math") == 1


def test_sentences_are_drawn_alike_by_many_threads_at_once():
    _parser.cache_clear()
    render_inline.cache_clear()
    texts = [f"Block {number} is **shared**, $x_{{{number}}}$." for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(render_inline, texts))
    render_inline.cache_clear()
    assert drawn == [render_inline(text) for text in texts]
    assert all("<strong>shared</strong>" in html and "<math" in html for html in drawn)


def test_code_and_formulas_stay_whole_when_sentences_are_cut():
    text = (
        "Use `a. B` so.\n```\nx = 1. Y = 2\n\nz\n```\nThen $a. B$ holds. It is $5. No."
    )
    assert sentences(text) == [
        "Use `a. B` so.",
        "```\nx = 1. Y = 2\n\nz\n```",
        "Then $a. B$ holds.",
        "It is $5.",
        "No.",
    ]
