"""Writing chapters: the guide is true, a new chapter loads, a saved file is shown."""

import os
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from courseware import authoring, reload
from courseware.directives import DIRECTIVES, ROLES
from courseware.loader import CONTENT, load_chapters
from courseware.models import Chapter
from tests.courseware.conftest import FRONT

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "authoring.md"


def test_the_guide_is_what_its_source_renders_to() -> None:
    assert PAGE.read_text(encoding="utf-8") == authoring.document()


def test_every_directive_and_role_has_an_example() -> None:
    assert {one.name for one in authoring.DIRECTIVE_EXAMPLES} == set(DIRECTIVES)
    assert {one.name for one in authoring.ROLE_EXAMPLES} == set(ROLES)
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"### `::: {name}`" in page for name in DIRECTIVES)
    assert '<div class="aside" role="note"><p class="aside-title">A title</p>' in page


def test_a_new_chapter_loads_as_it_is(db, tmp_path: Path) -> None:
    (tmp_path / "glossary.yaml").write_text(
        (CONTENT / "glossary.yaml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    call_command("newchapter", "caching-prompts", str(tmp_path))
    report = load_chapters(tmp_path)
    assert (report.broken, report.added) == ([], ["caching-prompts"])
    chapter = Chapter.objects.get()
    assert (chapter.title, chapter.position) == ("Caching prompts", 1)


@pytest.mark.parametrize("slug", ["Upper", "a b", "../x", "a--b", "", "a" * 81])
def test_a_new_chapter_needs_an_address(slug: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no address"):
        call_command("newchapter", slug, str(tmp_path))
    assert not list(tmp_path.iterdir()) and not Path(tmp_path.parent, "x.md").exists()


def test_a_new_chapter_never_writes_over_an_old_one(tmp_path: Path) -> None:
    (tmp_path / "old.claims.yaml").write_text("mine")
    with pytest.raises(CommandError, match="exists already"):
        call_command("newchapter", "old", str(tmp_path))
    assert (tmp_path / "old.claims.yaml").read_text() == "mine"
    assert not (tmp_path / "old.md").exists()


@pytest.fixture
def writing(db, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings) -> Path:
    """A content directory of one's own, as in development."""
    settings.DEBUG = True
    real = reload.reload_changed
    monkeypatch.setattr("courseware.views.reload_changed", lambda: real(tmp_path))
    return tmp_path


def _save(path: Path, text: str, at: int) -> None:
    path.write_text(FRONT + text, encoding="utf-8")
    os.utime(path, (at, at))


def test_a_saved_file_is_on_the_page_at_the_next_reload(
    writing: Path, reader: Client
) -> None:
    _save(writing / "test.md", "Old words.\n", 1)
    assert "Old words." in reader.get("/chapters/test/").text
    _save(writing / "test.md", "New words.\n", 2)
    assert "New words." in reader.get("/chapters/test/").text


def test_a_broken_file_leaves_the_old_text_and_says_what_is_wrong(
    writing: Path, reader: Client
) -> None:
    _save(writing / "test.md", "Old words.\n", 1)
    reader.get("/")
    _save(writing / "test.md", "::: cat\n:::\n", 2)
    for _ in range(2):
        page = reader.get("/chapters/test/").text
        assert "Old words." in page
        assert "test.md:6: there is no directive &#x27;cat&#x27;" in page
    _save(writing / "test.md", "Whole words.\n", 3)
    page = reader.get("/chapters/test/").text
    assert "Whole words." in page and "Not published" not in page


def test_readers_elsewhere_wait_for_loadchapters(
    writing: Path, reader: Client, settings
) -> None:
    settings.DEBUG = False
    _save(writing / "test.md", "Old words.\n", 1)
    assert reader.get("/chapters/test/").status_code == 404
