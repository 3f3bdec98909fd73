"""Loading chapters: what is refused, with its line, and what stays as it was."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from courseware.loader import load_chapters
from courseware.models import Chapter, Section
from tests.courseware.conftest import FRONT, Load

CLAIM = (
    "speed: {says: It is fast., kind: estimated, source: A sum, date: '2026-11-23'}\n"
)


def test_loading_twice_changes_nothing(load: Load) -> None:
    assert load("Words.\n").added == ["test"]
    section_ids = list(Section.objects.values_list("pk", flat=True))
    assert load("Words.\n").unchanged == ["test"]
    assert list(Section.objects.values_list("pk", flat=True)) == section_ids


def test_a_changed_file_is_reported_and_replaces_the_old_text(load: Load) -> None:
    load("Old words.\n")
    assert load("New words.\n").changed == ["test"]
    assert Section.objects.get().text == "New words."


def test_a_removed_file_takes_its_chapter_along(load: Load, tmp_path: Path) -> None:
    load("Words.\n")
    (tmp_path / "test.md").unlink()
    assert load_chapters(tmp_path).removed == ["test"]
    assert not Chapter.objects.exists()


def test_no_chapter_goes_while_a_file_is_broken(load: Load, tmp_path: Path) -> None:
    load("Words.\n")
    (tmp_path / "test.md").rename(tmp_path / "renamed.md")
    (tmp_path / "renamed.md").write_text("No front matter.\n")
    report = load_chapters(tmp_path)
    assert report.broken and report.removed == []
    assert Chapter.objects.get().slug == "test"


@pytest.mark.parametrize("name", ["none", "empty", "test.md"])
def test_a_folder_without_chapters_removes_none(
    name: str, load: Load, tmp_path: Path
) -> None:
    load("Words.\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="is no directory with chapters"):
        call_command("loadchapters", str(tmp_path / name))
    assert Chapter.objects.exists()


def test_sections_have_titles_numbers_anchors_and_plain_words(load: Load) -> None:
    load("Hello.\n\n## 1. The pool {#pool}\n\nA *block* of `16` {term block|blocks}.\n")
    opening, pool = Section.objects.all()
    assert (opening.anchor, opening.text) == ("opening", "Hello.")
    assert (pool.anchor, pool.number, pool.title) == ("pool", 1, "The pool")
    assert pool.text == "A block of 16 blocks."
    assert "<em>block</em>" in pool.html and "Some tokens." in pool.html


BROKEN = {
    "an unknown directive": ("Hi.\n\n::: video cat\n:::\n", 8, "no directive 'video'"),
    "an unknown role": ("Hi.\n\nAn {icon cat} here.\n", 8, "no role 'icon'"),
    "a role that cannot be read": ("See {claim two words}.\n", 6, "cannot be read"),
    "an unknown figure": ("::: figure cat\n:::\n", 6, "no figure 'cat'"),
    "a directive without end": ("::: key\nNever closed.\n", 6, "no end"),
    "a directive line inside a paragraph": ("Text\n::: key", 7, "no end"),
    "a quiz without id": ("::: quiz\nSoon.\n:::\n", 6, "quiz needs an id"),
    "two quizzes of one id": (
        "::: quiz a\n:::\n\n::: quiz a\n:::\n",
        9,
        "quiz 'a' stands here a second time",
    ),
    "an argument too many": ("::: key words\nHi.\n:::\n", 6, "takes no argument"),
    "a claim that does not exist": ("Fast.{claim speed}\n", 6, "no claim 'speed'"),
    "a term that does not exist": ("A {term cat}.\n", 6, "no term 'cat'"),
    "two sections of one id": ("## Pool\n\nA.\n\n## Pool\n", 10, "used in line 6"),
    "a first-level heading": ("# Title\n", 6, "start with ##"),
    "a link to nowhere": ("Go [there](#nowhere).\n", 6, "leads nowhere"),
    "a script link": ("Go [x](https:evil).\n", 6, "neither #anchor nor https://"),
    "a link up the tree": ("[x](../../etc/passwd)\n", 6, "neither #anchor nor https"),
    "a link without TLS": ("[x](http://example.org)\n", 6, "neither #anchor nor https"),
    "an image": ("![cat](https://example.org/cat.png)\n", 6, "images are not loaded"),
    "a private character": ("A \ue000 mark.\n", 6, "is not allowed"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_chapter_is_refused_with_file_line_and_reason(name: str, load: Load) -> None:
    body, line, reason = BROKEN[name]
    (error,) = load(body).broken
    assert str(error).startswith(f"test.md:{line}: "), str(error)
    assert reason in str(error)
    assert not Chapter.objects.exists()


@pytest.mark.parametrize(
    ("prose", "number"),
    [
        ("It takes 30 s.", "30 s"),
        ("It is 24 times faster.", "24 times"),
        ("It is 24× faster.", "24×"),
        ("It wastes 80 % of it.", "80 %"),
        ("It costs $3.99 there.", "$3.99"),
        ("It is 16 GB.", "16 GB"),
        ("- Fine.\n- It takes 5 ms.", "5 ms"),
        ("| a | b |\n|---|---|\n| x | 40 % |", "40 %"),
        ("::: aside Note\nIt takes 30 s.\n:::", "30 s"),
        ("It is fast.{claim speed} It takes 30 s.", "30 s"),
    ],
)
def test_a_number_with_a_unit_needs_a_claim(
    prose: str, number: str, load: Load
) -> None:
    (error,) = load(prose + "\n\nFast.{claim speed}\n", CLAIM).broken
    assert f"'{number}' has no claim" in str(error)


@pytest.mark.parametrize(
    "prose",
    [
        "It takes 30 s.{claim speed}",
        "From 5 s to 30 s,{claim speed} or 24 times.",
        "| a, {claim speed} | b |\n|---|---|\n| x | 40 % |",
        "Fast.{claim speed} Blocks of 16 tokens, an 8B model in 4 bit, part 2.",
        "Fast.{claim speed} Set `timeout=30 s` here.",
    ],
)
def test_a_number_beside_its_claim_or_without_unit_is_fine(
    prose: str, load: Load
) -> None:
    assert load(prose + "\n", CLAIM).broken == []


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ("speed: {says: Fast., kind: estimated, source: A sum}", "lacks date"),
        (CLAIM.replace("estimated", "guessed"), "kind 'guessed'"),
        (CLAIM.replace("}", ", url: 'http://x'}"), "must be https"),
        (CLAIM.replace("}", ", colour: red}"), "has only the fields"),
        (CLAIM + CLAIM.replace("speed", "idle"), "no text uses idle"),
        ("speed: [", "not YAML"),
    ],
)
def test_a_broken_claims_file_is_refused(claims: str, reason: str, load: Load) -> None:
    (error,) = load("Fast.{claim speed}\n", claims).broken
    assert str(error).startswith("test.claims.yaml:")
    assert reason in str(error)


@pytest.mark.parametrize(
    ("front", "line", "reason"),
    [
        ("No front matter.\n", 1, "starts with front matter"),
        ("---\ntitle: [\n---\n", 3, "not YAML"),
        ("---\ntitle: A\nposition: 1\n---\n", 1, "lacks summary"),
    ],
)
def test_front_matter_is_checked(
    front: str, line: int, reason: str, load: Load
) -> None:
    (error,) = load("Words.\n", front=front).broken
    assert str(error).startswith(f"test.md:{line}: ") and reason in str(error)


def test_a_broken_chapter_leaves_the_old_one_in_place(load: Load) -> None:
    load("Good words.\n")
    assert len(load("::: nonsense\n:::\n").broken) == 1
    assert Section.objects.get().text == "Good words."


def test_the_command_names_the_refused_line_and_fails(load: Load, tmp_path) -> None:
    load("::: nonsense\n:::\n")
    with pytest.raises(CommandError, match=r"refused\s+test\.md:6: .*nonsense"):
        call_command("loadchapters", str(tmp_path))


def test_raw_html_is_refused_and_shown_as_code(load: Load) -> None:
    tags = ["<script>", "</script>", "<b onclick=x>", "</b>", "<iframe>", "</iframe>"]
    broken = load("Hi <script>x</script> <b onclick=x>bold</b>\n\n<iframe></iframe>\n")
    shown = [str(error) for error in broken.broken]
    assert [text[:10] for text in shown] == ["test.md:6:"] * 4 + ["test.md:8:"] * 2
    assert all(repr(tag) in text for tag, text in zip(tags, shown, strict=True))
    load("Hi `<script>alert(1)</script>`\n")
    html = Section.objects.get().html
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_huge_chapter_is_refused(load: Load) -> None:
    (error,) = load("word " * 500_000).broken
    assert "at most 2,000,000" in str(error)


def test_a_file_that_is_not_utf_8_is_refused_by_line(db, tmp_path: Path) -> None:
    (tmp_path / "test.md").write_bytes(FRONT.encode() + b"Caf\xe9\n")
    (error,) = load_chapters(tmp_path).broken
    assert str(error) == "test.md:6: byte 0xe9 is not UTF-8."
