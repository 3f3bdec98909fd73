"""What a chapter may hold: footnotes, links, experiments; and bad input."""

import re
from pathlib import Path

import pytest
from django.test import Client

from courseware.experiments import EXPERIMENTS
from courseware.loader import load_chapters
from courseware.models import Chapter, Section
from tests.courseware.conftest import FRONT, Load
from tests.courseware.test_loader import CLAIM

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "/chapters/deploying-ai-models/"


def test_a_footnote_stands_at_the_end_with_a_way_back(load: Load) -> None:
    load("A word.[^a] Again.[^a]\n\n[^a]: A *note* of 16 tokens.\n")
    opening, notes = Section.objects.all()
    assert (notes.anchor, notes.title) == ("notes", "Notes")
    assert '<a id="note-ref-1" href="#note-1" aria-label="Note 1">' in opening.html
    assert 'id="note-ref-1-1"' in opening.html
    assert '<li id="note-1">' in notes.html and "<em>note</em>" in notes.html
    assert 'href="#note-ref-1"' in notes.html


def test_every_heading_has_a_link_to_itself(load: Load) -> None:
    load("## Pool\n\n### How *big*\n\nA.\n\n#### Where\n\nB.\n")
    html = Section.objects.get().html
    assert '<h3 id="how-big">How <em>big</em><a class="anchor" href="#how-big"' in html
    assert 'aria-label="Link to How big"' in html
    assert '<h4 id="where">' in html and 'href="#where"' in html


def test_a_chapter_links_to_another_and_to_its_headings(
    load: Load, tmp_path: Path
) -> None:
    (tmp_path / "other.md").write_text(FRONT + "## 1. The end {#end-of-it}\n\nA.\n")
    assert load("[There](other.md#end-of-it), [all](other.md).\n").broken == []
    html = Section.objects.get(chapter="test").html
    assert 'href="/chapters/other/#end-of-it"' in html
    assert 'href="/chapters/other/"' in html


def test_an_experiment_leads_to_its_demonstration(load: Load) -> None:
    claim = CLAIM.replace("}", ", experiment: twice}")
    load("Fast.{claim speed}\n\n::: experiment eight\nEight.\n:::\n", claim)
    opening, sources = Section.objects.all()
    assert 'href="#lab" data-experiment="twice"' in sources.html
    assert 'data-experiment="eight">See it on the engine: Eight at once' in opening.html


def test_experiments_are_the_demonstrations_of_the_lab() -> None:
    panel = (ROOT / "templates" / "lab" / "_panel.html").read_text(encoding="utf-8")
    demos = re.findall(r'data-demo="([a-z]+)"[^>]*>([^<]+)<', panel)
    assert dict(demos) == EXPERIMENTS


BAD = {
    "a footnote without words": ("See.[^a]\n", 6, "footnote [^a] has no words"),
    "an unknown experiment": ("::: experiment cat\n:::\n", 6, "no experiment 'cat'"),
    "a link to a missing chapter": ("[x](none.md)\n", 6, "no chapter 'none'"),
    "a link to a missing heading": ("[x](test.md#no)\n", 6, "no heading 'no'"),
    "a path through a chapter": ("[x](../test.md)\n", 6, "neither #anchor"),
    "a page that is not": ("[x](/etc/passwd)\n", 6, "no page '/etc/passwd'"),
    "an encoded path": ("[x](..%2f..%2fetc)\n", 6, "neither #anchor"),
    "a back-slash path": ("[x](..\\..\\etc)\n", 6, "neither #anchor"),
    "an address without scheme": ("[x](//evil.example)\n", 6, "neither #anchor"),
    "a data link": ("[x](<data:text/html,hi>)\n", 6, None),
    "a heading without letters": ("## …\n\nA.\n", 6, "needs an id"),
    "an id of the page": ("## Sources\n\nA.\n", 6, "already used by the page"),
    "a line without end": ("a" * 30_000, 6, "letters in a line"),
    "a turned direction": ("A \u202e word.\n", 6, "is not allowed"),
    "a control character": ("A \x07 word.\n", 6, "is not allowed"),
    "a number in a footnote": ("A.[^a]\n\n[^a]: It takes 30 s.\n", 8, "no claim"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_with_its_line_or_made_harmless(
    name: str, load: Load
) -> None:
    body, line, reason = BAD[name]
    broken = load(body).broken
    if reason is None:
        assert "href" not in "".join(Section.objects.values_list("html", flat=True))
        return
    (error,) = broken
    assert str(error).startswith(f"test.md:{line}: "), str(error)
    assert reason in str(error)
    assert not Chapter.objects.exists()


@pytest.mark.parametrize(
    "prose",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](<vbscript:x>)",
        "**<svg onload=alert(1)>**",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "| <script>x</script> |\n|---|\n| <b onclick=x> |",
        "::: aside <script>x</script>\n<script>y</script>\n:::",
        "[^a]\n\n[^a]: <script>x</script>",
        "{term block|<script>x</script>}",
    ],
)
def test_nothing_that_runs_reaches_the_page(
    prose: str, load: Load, reader: Client
) -> None:
    load(f"Hi.\n\n{prose}\n")
    html = "".join(Section.objects.values_list("html", flat=True)).lower()
    live = re.sub(r"&lt;.*?(&gt;|$)", "", html)
    for danger in ("<script", "<img", "onerror=", "onload=", "<b ", "javascript:"):
        if danger == "javascript:" and "href" not in html:
            continue
        assert danger not in live


@pytest.mark.parametrize("marks", [">" * 5000, "- " * 5000, "[" * 9000, "*" * 9001])
def test_deep_nesting_neither_hangs_nor_breaks(marks: str, load: Load) -> None:
    report = load(f"{marks} x\n")
    assert len(report.broken) + len(report.added) == 1


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "shift-jis"])
def test_an_odd_encoding_is_refused_by_line(encoding: str, db, tmp_path: Path) -> None:
    text = {"shift-jis": "日本語"}.get(encoding, "Café")
    (tmp_path / "test.md").write_bytes((FRONT + text + "\n").encode(encoding))
    (error,) = load_chapters(tmp_path).broken
    assert re.match(r"test\.md:\d+: ", str(error))
    assert "is not UTF-8" in str(error) or "is not allowed" in str(error)


def test_a_mark_of_byte_order_and_other_line_ends_are_fine(db, tmp_path: Path) -> None:
    text = (FRONT + "## Pool\n\nWörter.\n").replace("\n", "\r\n")
    (tmp_path / "test.md").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_chapters(tmp_path).added == ["test"]
    assert Section.objects.get().text == "Wörter."


def test_a_chapter_of_5_mb_is_refused_before_it_is_parsed(load: Load) -> None:
    (error,) = load("word " * 1_000_000).broken
    assert "5,000,0" in str(error) and "at most 2,000,000" in str(error)


@pytest.mark.parametrize("name", ["Upper.md", "a b.md", "a..b.md", "-.md"])
def test_a_file_whose_name_is_no_address_is_refused(
    name: str, db, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(FRONT + "Words.\n")
    (error,) = load_chapters(tmp_path).broken
    assert "a-z, 0-9 and -" in str(error)


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        ("position: first", "position is 'first'"),
        ("position: 0", "position is 0"),
        ("position: true", "position is True"),
        ("position: 1\nsubtitle: It takes 30 s", "'30 s' in subtitle has no claim"),
        (f"position: 1\nsubtitle: {'a' * 400}", "subtitle has 400 letters"),
    ],
)
def test_odd_front_matter_is_refused(front: str, reason: str, load: Load) -> None:
    lines = f"---\ntitle: A\nsummary: B.\n{front}\n---\n"
    (error,) = load("Words.\n", front=lines).broken
    line = 4 + front.count("\n")
    assert str(error).startswith(f"test.md:{line}: ") and reason in str(error)


def test_a_claim_given_twice_is_refused_by_line(load: Load) -> None:
    (error,) = load("Fast.{claim speed}\n", CLAIM + CLAIM).broken
    assert str(error) == "test.claims.yaml:2: 'speed' is already in line 1."


@pytest.mark.parametrize(
    ("glossary", "reason"),
    [
        ("block: [", "this is not YAML"),
        ("block: {name: B, says: C.}\nblock: {name: B, says: C.}", ":2: 'block' is"),
        ("ok: {name: A, says: B.}\nblock: Words.", ":2: the term 'block' has"),
        ("- a list", "lists entries by id"),
    ],
)
def test_a_broken_glossary_is_refused_and_leaves_all_in_place(
    glossary: str, reason: str, load: Load, tmp_path: Path
) -> None:
    load("Words.\n")
    (tmp_path / "glossary.yaml").write_text(glossary)
    report = load_chapters(tmp_path)
    assert reason in str(report.broken[0])
    assert Chapter.objects.count() == 1


@pytest.mark.parametrize(
    ("prose", "number"),
    [
        ("It is 24x faster.", "24x"),
        ("It costs €5.", "€5"),
        ("It costs 5 €.", "5 €"),
        ("It costs USD 5.", "USD 5"),
        ("It costs 5 dollars.", "5 dollars"),
        ("It costs 20 cents.", "20 cents"),
        ("It is 5 percent.", "5 percent"),
        ("It is 5 per cent.", "5 per cent"),
        ("It draws 700 W.", "700 W"),
        ("It runs at 2.4 GHz.", "2.4 GHz"),
        ("It reads 3,350 GB/s.", "3,350 GB/s"),
        ("It takes 3 weeks.", "3 weeks"),
        ("It takes 40 µs.", "40 µs"),
        ("It does 200 tokens per second.", "200 tokens per second"),
        ("It does 573 requests an hour.", "573 requests an hour"),
        ("It does 989 TFLOP/s.", "989 TFLOP/s"),
        ("It is 10-fold.", "10-fold"),
        ("**80 %** of it.", "80 %"),
        ("### The 80 % rule", "80 %"),
        ("A [link of 5 ms](https://example.org).", "5 ms"),
    ],
)
def test_every_sort_of_unit_needs_a_claim(prose: str, number: str, load: Load) -> None:
    (error,) = load(f"## Part\n\n{prose}\n").broken
    shown = str(error).replace("\u202f", " ")
    assert f"'{number}' has no claim" in shown
