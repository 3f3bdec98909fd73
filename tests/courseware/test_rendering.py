"""What authors write and what becomes of it: formulas, code, boxes, comments, marks."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client

from courseware.loader import load_chapters
from courseware.markdown.code import LEXERS, code_blocks, coloured
from courseware.markdown.mathml import BadFormula, to_mathml
from courseware.models import Chapter, Section
from tests.courseware.conftest import FRONT, Load

CSS = Path(__file__).resolve().parents[2] / "static" / "css" / "courseware.css"


def _html(load: Load, body: str) -> str:
    report = load(body)
    assert [str(fault) for fault in report.broken] == []
    return "\n".join(Section.objects.values_list("html", flat=True))


def _faults(load: Load, body: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.reason) for fault in load(body).broken]


# Formulas


@pytest.mark.parametrize(
    ("prose", "formulas"),
    [
        ("Let $x$ be $2$ and $10^3$.", ["x", "2", "10^3"]),
        ("$a_1 * b_1$ begins, and it ends in 5", ["a_1 * b_1"]),
        ("Between $x and $y, or ($5/$6) and $HOME.", []),
        ("It costs \\$x$.", []),
        ("From $ a $ to $b $.", []),
        ("An $\\$5$ formula and `$y$` in code.", ["\\$5"]),
        ("In a line $$E = mc^2$$ of display.", ["E = mc^2"]),
    ],
)
def test_what_is_a_formula_and_what_is_money(
    prose: str, formulas: list[str], load: Load
) -> None:
    claims = "c: {says: S., kind: estimated, source: S, date: '2026-01-01'}\n"
    assert load(f"{prose}{{claim c}}\n", claims).broken == []
    html = Section.objects.get(anchor="opening").html
    assert re.findall(r'alttext="([^"]*)"', html) == formulas


@pytest.mark.parametrize("before", ["", "Words before.\n", "> ", "- An item\n\n  "])
def test_a_display_formula_stands_once_wherever_it_stands(
    before: str, load: Load
) -> None:
    inner = "  " if before.startswith("-") else "> " if before == "> " else ""
    rows = ["$$", "x &= 1 \\\\", "y &= 2", "$$"]
    rows[1] = "\\begin{aligned} " + rows[1]
    rows[2] += " \\end{aligned}"
    html = _html(load, before + f"\n{inner}".join(rows) + "\n")
    assert html.count("<math ") == 1 and html.count("<mtr>") == 2
    assert "$$" not in html and 'display="block"' in html


@pytest.mark.parametrize(
    ("latex", "line", "reason"),
    [
        ("\\foo{x}", 6, "the command \\foo is not known"),
        ("\\frac{1", 6, "a { without its }"),
        ("x}", 6, "a } without its {"),
        ("x_1_2", 6, "double subscripts"),
        ("\\left( x", 6, "cannot be read"),
        ("\\begin{foo}x\\end{foo}", 6, "no environment 'foo'"),
        ("\\begin{aligned}x", 6, "without its \\end"),
        ("a & b", 6, "& stands outside"),
        ("a \\\\ b", 6, "\\\\ stands outside"),
        ("50% of it", 6, "write \\%"),
        ("\\href{javascript:alert(1)}{x}", 6, "\\href is not allowed"),
        ("\\style{color:red}{x}", 6, "\\style is not allowed"),
        ("\\newcommand{\\x}{y}", 6, "\\newcommand is not allowed"),
        ("a\nb \\foo", 7, "\\foo is not known"),
        ("a\nb}", 7, "a } without its {"),
        ("{" * 300 + "}" * 300, 6, "nests too deep"),
        ("x" * 3000, 6, "allowed are 1 to"),
    ],
)
def test_a_formula_that_cannot_be_read_is_a_fault_with_its_line(
    latex: str, line: int, reason: str, load: Load
) -> None:
    ((found, words),) = _faults(load, f"${latex}$\n")
    assert (found, reason in words) == (line, True), words


def test_a_formula_holds_no_markup_of_its_own() -> None:
    drawn = to_mathml("\\text{<b onclick=x>x</b>} < 3", False)
    assert "<b" not in drawn and "&lt;b" in drawn
    assert "𝐱" in to_mathml("\\mathbf{x}", False)
    assert "mathvariant" not in to_mathml("\\mathbb{R}\\mathcal{C}", False)
    with pytest.raises(BadFormula):
        to_mathml("", False)


# Code

FENCES = """Words.

```bash name=serve
vllm serve "$MODEL"  # wait
```

- In a list:

  ```yaml file=deployment.yaml
  kind: Deployment
  ```

<!--
```bash name=hidden
rm
```
-->

::: note In a box
```json
{"a": 1}
```
:::
"""


def test_the_code_of_a_chapter_is_read_as_it_stands() -> None:
    blocks = code_blocks(FRONT + FENCES)
    assert [(b.language, b.name, b.file, b.line) for b in blocks] == [
        ("bash", "serve", "", 8),
        ("yaml", "", "deployment.yaml", 14),
        ("json", "", "", 25),
    ]
    assert blocks[0].code == 'vllm serve "$MODEL"  # wait\n'
    assert json.loads(blocks[2].code) == {"a": 1}


def test_code_is_coloured_named_and_can_be_scrolled(load: Load) -> None:
    html = _html(load, FENCES)
    assert '<figure class="code" id="code-serve" data-language="bash">' in html
    assert '<span class="c"># wait' in html
    assert '<figcaption class="code-file">deployment.yaml</figcaption>' in html
    regions = re.findall(r'<pre tabindex="0" role="region" aria-label="([^"]+)"', html)
    assert regions == ["Code 1: bash", "Code 2: deployment.yaml", "Code 3: json"]
    assert "style=" not in html and "rm" not in re.sub("<[^>]*>", "", html)


@pytest.mark.parametrize("language", LEXERS)
def test_colouring_keeps_every_letter(language: str) -> None:
    code = '\n  # a <b> & "c"\nFROM x AS y\n$ curl -X POST {"a": 1.5}\n\n\tend'
    (block,) = code_blocks(f"```{language}\n{code}\n```\n")
    words = re.sub(r"<[^>]*>", "", coloured(block))
    assert words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == code


def test_each_colour_of_code_is_a_role_that_can_be_read() -> None:
    css = CSS.read_text(encoding="utf-8")
    colours = dict(re.findall(r"\.code \.([a-z]) \{ color: var\(--([a-z-]+)\)", css))
    assert set(colours) == set("cknvsd")
    readable = {"ink", "muted", "link", "good", "warning", "bad", "yours-text"}
    assert set(colours.values()) <= readable  # test_colours.py: at least 4.5 on both


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ("cobol", "the language 'cobol' is not known"),
        ("{.python}", "is not known"),
        ("bash linenos", "'linenos' is not understood"),
        ("bash name=Bad", "'name=Bad' is not understood"),
        ("bash file=../etc", "is not understood"),
    ],
)
def test_code_of_an_unknown_kind_is_refused(info: str, reason: str, load: Load) -> None:
    ((line, words),) = _faults(load, f"Words.\n\n```{info}\nx\n```\n")
    assert line == 8 and reason in words


def test_code_without_its_end_and_names_given_twice(load: Load) -> None:
    body = (
        "```bash name=a\nx\n```\n\n```bash name=a\ny\n```\n\n```bash\nrest\n\n## No\n"
    )
    assert _faults(load, body) == [
        (10, "the name 'a' is given to a second block."),
        (14, "this code has no end ```."),
    ]


# Boxes, comments, escapes, headings


@pytest.mark.parametrize("kind", ["note", "tip", "warning"])
def test_boxes_have_their_kind_in_words(kind: str, load: Load) -> None:
    html = _html(load, f"::: {kind} A title\nWords.\n:::\n")
    assert f'<div class="aside aside-{kind}" role="note">' in html
    assert f"{kind.capitalize()}</span> A title" in html
    ((line, words),) = _faults(load, f"::: {kind}\nWords.\n:::\n")
    assert line == 6 and "needs a title" in words


COMMENTS = """A<!-- one --> word.<!-- two
lines --> End.
<!-- three -->
Next.

<!-- four

## Not a heading

{claim nope} -->

<!-- five

six --> Behind.

- Item <!-- seven -->

`<!-- code -->`
"""


def test_comments_are_published_nowhere(load: Load) -> None:
    html = _html(load, COMMENTS)
    shown = html + "".join(Section.objects.values_list("text", flat=True))
    for word in ("one", "two", "three", "four", "heading", "five", "six", "seven"):
        assert word not in shown
    for words in ("A word. End.", "Next.", "Behind.", "Item", "&lt;!-- code --&gt;"):
        assert words in html


def test_a_comment_does_not_move_the_lines_behind_it(load: Load) -> None:
    body = "A <!-- x\ny --> b\n{icon cat}\n\n<!-- a\n\nb --> ![x](y.png)\n"
    assert [line for line, _ in _faults(load, body)] == [8, 12]


def test_a_backslash_shows_the_mark(load: Load) -> None:
    html = _html(
        load, "\\{claim x\\} \\{int main} \\$x$ \\* \\`a\\` \\<b>\n\n\\::: note\n"
    )
    assert "{claim x} {int main} $x$ * `a` &lt;b&gt;" in html
    assert "<p>::: note</p>" in html


def test_marks_of_typewriters_stay_what_they_are(load: Load) -> None:
    html = _html(load, "(a), (b), (c), (r), (tm), (p). --flag, a -- b, 3--4, wait...\n")
    assert "(a), (b), (c), (r), (tm), (p). --flag, a – b, 3–4, wait…" in html


def test_a_heading_shows_its_code_and_is_plain_in_the_contents(
    load: Load, reader: Client
) -> None:
    load(
        "## 2. The `String` type and *you* {#s}\n\nText.\n\n### Use `--foo`\n\nText.\n"
    )
    section = Section.objects.get()
    assert (section.anchor, section.title) == ("s", "The String type and you")
    assert section.heading == "The <code>String</code> type and <em>you</em>"
    assert '<h3 id="use-foo">Use <code>--foo</code>' in section.html
    page = reader.get("/chapters/test/").text
    assert "The <code>String</code> type and <em>you</em><a class=" in page
    assert "`" not in page.split("<article")[1].split("</section>")[0]


@pytest.mark.parametrize(
    ("title", "anchor"),
    [
        ("Überblick & Größe", "überblick-größe"),
        ("Не сейчас", "не-сейчас"),
        ("内存管理", "内存管理"),
        ("ذاكرة", "ذاكرة"),
        ("हिंदी में", "हिंदी-में"),
        ("Cache_size `x` (2)", "cache-size-x-2"),
    ],
)
def test_headings_of_any_language_have_an_id(
    title: str, anchor: str, load: Load, reader: Client
) -> None:
    html = _html(load, f"## {title}\n\nSee [this](#{anchor}).\n\n### {title} 2\n\nA.\n")
    assert Section.objects.get().anchor == anchor and f'<h3 id="{anchor}-2">' in html
    assert f'<section id="{anchor}"' in reader.get("/chapters/test/").text


def test_a_heading_is_never_lost(load: Load) -> None:
    body = "### First\n\nA.\n\n## Part\n\n#### Deep\n\n##### Deeper\n"
    assert _faults(load, body) == [
        (6, "a ### stands below a ##."),
        (12, "a #### stands below a ###."),
        (14, "headings go from ## down to ####."),
    ]


# All faults


def test_every_fault_of_a_file_is_listed_with_its_line(load: Load) -> None:
    body = (
        "One line,\ntwo lines,\n![x](y.png)\n{icon cat} and {claim no}\nfour\n\n"
        "::: video cat\nA {term no}.\n:::\n\n[a](#no) and\n**open and\n`code\n\n"
        "| a |\n|---|\n| b | c |\n\n$\\foo$\n"
    )
    front = "---\ntitle: A\nsummary: B.\nposition: no\nauthor: me\n---\n"
    broken = load(body, "x: {says: a}\n", front=front).broken
    found = [(fault.path.name, fault.line) for fault in broken]
    assert found[:1] == [("test.claims.yaml", 1)]
    lines = [line for name, line in found if name == "test.md"]
    assert lines == [4, 5, 9, 10, 10, 13, 14, 17, 18, 19, 23, 25]
    assert not Chapter.objects.exists()


UNKNOWN = [
    "<details><summary>x</summary></details>", "Press <kbd>x</kbd>.", "<!-- open",
    "shut -->",
    "<?php x ?>", '!!! note "Mind"\n    Inside.', "??? tip", "> [!NOTE]\n> Words.",
    ":::", "Text\n:::", "{x}", "{{ x }}", "{% include x %}", "{.class}", "{#id}",
    "{claim}", "{Claim x}", "{claim two words}", "**open", "a `open", "~~open",
    "*open", "open*", "==marked==", "++new++", "H~2~O", "x^2^", "[[Page]]",
    "![[picture.png]]", "![x][y]", "[x][y]", "[x](a b c)", "[@key]", "[^1]",
    "- [ ] todo", "- [x] done", "Term\n: what it is", "*[HTML]: Hyper",
    ".. note:: x", ":ref:`x`", "##Heading", "####### Seven", "[TOC]", "[[_TOC_]]",
    "| a | b |", "a | b\n---|---|---", "$$ x", "$$\n\nx\n\n$$", "$\\alpha is open",
    "\\begin{x}", "\\alpha", "&nosuch;", ":smile:", "+++\ntitle = 1\n+++", "%% x %%",
    "[unused]: https://example.org", "[//]: # (a comment)", "[^unused]: Words.",
    "![](x.png)", "![x](x.png)", "![x](http://e.org/x.png)", "![x](../x.svg)",
    "| a |\n|---|\n| b | c |", "# Title", "##### Five", "<b>",
    "Let \\(x\\) be.", "Let \\\\(x\\\\) be.", "\\[ x = 1 \\]", "\\[x\\]", "\\[\nx\n\\]",
    "\\\\[ x \\\\]", "import Tabs from '@theme/Tabs';", "export default Page;",
    '=== "Python"', '--8<-- "file.md"', "<<< @/file.js", "One^[a note].", "(label)=",
    "[toc]", ":abbr[HTML]", "::youtube[x]", "[source,python]", "'''bold'''",
]  # fmt: skip


@pytest.mark.parametrize("body", UNKNOWN)
def test_what_is_not_understood_is_refused_with_its_line(body: str, load: Load) -> None:
    faults = _faults(load, f"## Part\n\nWords.\n\n{body}\n")
    first = 10 + len(body) - len(body.lstrip("\n"))
    last = first + body.count("\n")
    assert faults and all(first <= line <= last for line, _ in faults), faults


@pytest.mark.parametrize(
    "body",
    [
        "Two [sic] or [0, 1] of 2 * 3 and a > b < c & d.", "snake_case and ~5 and #1.",
        "vllm:num_requests_running and 10:30:15, a/b, a|b, x = y, 3 + 4.",
        "Wait!?!? Really???", "A -> b <- c => d.", "*a* **b** ***c*** ~~d~~ `e`",
        "[a]: https://example.org\n\nSee [a] and [that][a] and <https://e.org/a_b_>.",
        "1. One\n2. Two\n   - three\n\n> Quoted\n\n---\n\nAfter.",
        "A line\\\nbroken, and  \nagain.", "&amp; &copy; &#960;", "Tom's “quote” }.",
        "An \\[aside\\] and \\[ one\\]; a\\\\b.", "We import it from a, export it.",
        '[a](https://e.org "A title")', "    indented code {x} **y\n\nAfter.",
    ],
)  # fmt: skip
def test_what_is_understood_is_not_refused(body: str, load: Load) -> None:
    assert _faults(load, f"## Part\n\nWords.\n\n{body}\n") == []


# Drafts and the short path


def test_a_draft_is_for_staff_only(
    load: Load, reader: Client, admin_client: Client, tmp_path: Path
) -> None:
    front = FRONT.replace("---\n", "---\ndraft: true\n", 1)
    assert load("## Part\n\nPenguins swim.\n", front=front).added == ["test"]
    (tmp_path / "other.md").write_text(FRONT + "[x](test.md)\n")
    assert "is a draft" in load_chapters(tmp_path).broken[0].reason
    assert reader.get("/chapters/test/").status_code == 404
    assert reader.post("/chapters/test/read/").status_code == 404
    assert "A test" not in reader.get("/").text
    assert "Nothing" in reader.get("/search/?q=penguins").text or (
        "/chapters/test/" not in reader.get("/search/?q=penguins").text
    )
    page = admin_client.get("/chapters/test/", HTTP_USER_AGENT="Mozilla/5.0").text
    assert "Penguins swim." in page and "draft" in page


SHORT = """Opening words here.

## One {.short}

""" + "word " * 440 + """

## Two

### Aside

""" + "word " * 440 + """

### Core & more {#core .short}

""" + "word " * 220 + """

## Three {.short}

The end.
"""  # fmt: skip


def test_the_short_path_is_marked_counted_and_linked(
    load: Load, reader: Client
) -> None:
    html = _html(load, SHORT)
    chapter = Chapter.objects.get()
    assert (chapter.minutes, chapter.short_minutes) == (5, 3)
    links = re.findall(r'Next on the short path: <a href="#(.*?)">(.*?)</a>', html)
    assert links == [("core", "Core &amp; more"), ("three", "Three")]
    one, two = list(Section.objects.all())[1:3]
    assert one.html.rstrip().endswith("One</a></p>") is False and one.is_short
    assert two.short_parts == [{"anchor": "core", "title": "Core & more"}]
    page = reader.get("/chapters/test/").text
    head = re.sub(r"<[^>]*>", "", page.split("chapter-facts")[1].split("</p>")[0])
    assert "About 5 minutes to read; the short path, marked ●, about 3" in head
    contents = page.split('class="contents"')[1].split("</nav>")[0]
    assert contents.count("short-mark") == 3 and 'href="#core"' in contents


def test_a_marked_section_is_all_of_it_unless_parts_of_it_are_marked(
    load: Load,
) -> None:
    load("## One {.short}\n\n### A\n\n" + "word " * 440)
    assert Chapter.objects.get().short_minutes == 2
    load("## One {.short}\n\n### A\n\n" + "word " * 440 + "\n\n### B {.short}\n\nb.\n")
    assert Chapter.objects.get().short_minutes == 1
    ((line, words),) = _faults(load, "## A\n\n::: key\n### B {.short}\n:::\n")
    assert line == 9 and "outside of boxes" in words
