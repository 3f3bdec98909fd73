"""Notes: what is read, what is refused with its line, and when they are read anew."""

from pathlib import Path

import pytest
import yaml

from courseware.claims import read_claims
from courseware.errors import BrokenChapter
from courseware.loader import load_chapters
from courseware.notes import Note, all_notes, forget_notes, headings, read_notes
from courseware.notes_guide import NOTE
from courseware.reload import reload_changed
from tests.courseware.conftest import FRONT

SOURCE = "## 1. What *it* is `worth` {#worth .short}\n\n```bash\n## no heading\n```\n"
CLAIMS = (
    "kernel-slower: {says: Slower., kind: measured, source: A paper, "
    "date: '2023-09-12', figures: {low: 20, high: 25.7}}\n"
)


def _read(tmp_path: Path, text: str) -> tuple[list[Note], list[str]]:
    path, claims = tmp_path / "test.notes.yaml", tmp_path / "test.claims.yaml"
    path.write_text(text, encoding="utf-8")
    claims.write_text(CLAIMS, encoding="utf-8")
    faults: list[BrokenChapter] = []
    notes = read_notes(path, read_claims(claims, faults), SOURCE, faults)
    return notes, [str(fault) for fault in faults]


def test_the_note_of_the_guide_is_read_with_its_figures_and_its_place(tmp_path) -> None:
    (note,), faults = _read(tmp_path, NOTE)
    assert faults == []
    assert note.asks[0] == "So vLLM makes the GPU faster?"
    assert "was 20\u202f% slower" in note.standard and "\n" not in note.deep
    assert note.url == "/chapters/test/#worth"
    assert note.section_title == "What *it* is worth"
    assert note.answer("plain") == note.plain and note.answer("deep") == note.deep


def test_headings_are_found_outside_of_code() -> None:
    assert headings(SOURCE) == {"worth": "What *it* is worth"}


BROKEN = {
    "a field too few": ({"deep": None}, "has the fields"),
    "two wordings": ({"asks": ["a?", "b?"]}, "has 3 to 15 wordings"),
    "a wording twice": ({"asks": ["a?", "A", "b?"]}, "asks 'a?' as"),
    "asks in one string": ({"asks": "a?"}, "lists its asks in quotes"),
    "no answer": ({"plain": " "}, "no answer in plain words"),
    "an unknown section": ({"section": "nowhere"}, "no heading 'nowhere'"),
    "an unknown claim": ({"claims": ["gone"]}, "no claim 'gone'"),
    "a claim not listed": (
        {"claims": [], "standard": "{value kernel-slower low} slower."},
        "no claim 'kernel-slower'",
    ),
    "an unknown figure": ({"plain": "{value kernel-slower mid}."}, "no figure 'mid'"),
    "a number without a claim": (
        {"claims": [], "standard": "It takes 30 s."},
        "'30 s' needs a claim",
    ),
    "a figure typed by hand": ({"plain": "By 25.7 %."}, "is a figure of claim"),
    "a list": ({"plain": "- One.\n- Two."}, "neither a plain sentence nor code"),
    "a link": ({"plain": "See [x](#y)."}, "neither a plain sentence"),
    "HTML": ({"plain": "<b>No.</b>"}, "neither a plain sentence"),
    "an open back-tick": ({"plain": "A `flag."}, "has no partner"),
    "a number as words": ({"section": 4}, "has no words as section"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_note_is_refused_with_file_line_and_reason(name: str, tmp_path: Path) -> None:
    change, reason = BROKEN[name]
    row = yaml.safe_load(NOTE)["gain-is-memory"] | change
    row = {key: value for key, value in row.items() if value is not None}
    text = "# First line\n" + yaml.safe_dump({"broken": row}, allow_unicode=True)
    notes, faults = _read(tmp_path, text)
    assert notes == []
    assert faults[0].startswith("test.notes.yaml:2: note 'broken' "), faults
    assert any(reason in fault for fault in faults), faults


def test_a_number_that_no_listed_claim_has_may_be_typed(tmp_path: Path) -> None:
    _, faults = _read(tmp_path, NOTE.replace("fit into", "(30 %) fit into"))
    assert faults == []


def test_two_notes_do_not_answer_one_question(tmp_path: Path) -> None:
    _, faults = _read(tmp_path, NOTE + NOTE.replace("gain-is-memory", "other"))
    assert len(faults) == 3 and "as 'gain-is-memory' does" in faults[0]


def _write(directory: Path, notes: str, front: str = FRONT) -> None:
    body = f"{front}## Worth\n\nSo it is.{{claim kernel-slower}}\n"
    (directory / "test.md").write_text(body, encoding="utf-8")
    (directory / "test.claims.yaml").write_text(CLAIMS, encoding="utf-8")
    (directory / "test.notes.yaml").write_text(notes, encoding="utf-8")
    (directory / "glossary.yaml").write_text("", encoding="utf-8")


def test_loading_checks_notes_with_their_chapter(db, tmp_path: Path) -> None:
    _write(tmp_path, NOTE)
    assert load_chapters(tmp_path).added == ["test"]
    _write(tmp_path, NOTE + "odd: {}\n")
    (fault,) = load_chapters(tmp_path).broken
    assert fault.path.name == "test.notes.yaml" and fault.line == 15


def test_notes_are_read_anew_when_a_file_was_saved(db, tmp_path: Path) -> None:
    forget_notes()
    _write(tmp_path, NOTE)
    reload_changed(tmp_path)
    assert [note.note_id for note in all_notes(tmp_path)] == ["gain-is-memory"]
    _write(tmp_path, NOTE.replace("gain-is-memory", "renamed-note"))
    assert all_notes(tmp_path)[0].note_id == "gain-is-memory"
    reload_changed(tmp_path)
    assert all_notes(tmp_path)[0].note_id == "renamed-note"


def test_a_draft_has_no_notes(tmp_path: Path) -> None:
    _write(tmp_path, NOTE, FRONT.replace("---\n", "---\ndraft: true\n", 1))
    forget_notes()
    assert all_notes(tmp_path) == ()
