"""What ``importquizzes`` prints, ``loadquizzes`` takes; the rest is named."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from quizzes.bank import read_bank
from quizzes.formats import files
from quizzes.loader import load_quizzes

MIXED = """::Gut::Ist {1, 2} \\{ eine Menge? {T}

::Good::Is \\{1, 2\\} a set? {T}

::Broken::Which? {~a ~b ~c}

::Good::Is $x^\\{2\\}$ a square? {F}
"""
GOALS = """goals:
- {id: sets, text: You can tell sets., chapter: deploying-ai-models, section: the-claim}
"""


def run(*args: object, **options: Any) -> tuple[list[dict[str, Any]], str]:
    """The questions printed, and what went to stderr."""
    out, err = io.StringIO(), io.StringIO()
    call_command("importquizzes", *map(str, args), stdout=out, stderr=err, **options)
    return yaml.safe_load(out.getvalue())["questions"], err.getvalue()


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "in.gift"
    path.write_text(MIXED, encoding="utf-8")
    return path


def test_good_questions_are_taken_and_bad_ones_listed(mixed: Path) -> None:
    questions, said = run(mixed)
    assert [q["id"] for q in questions] == ["good", "good-2"]
    assert "refused: line 1, 'Gut" in said
    assert "refused: line 5, 'Broken': no choice is right" in said
    assert "2 imported, 2 refused" in said


def test_strict_refuses_the_file(mixed: Path) -> None:
    with pytest.raises(CommandError, match="2 refused, nothing imported"):
        run(mixed, strict=True)


@pytest.mark.django_db
def test_what_is_imported_is_loaded_and_literal(mixed: Path, tmp_path: Path) -> None:
    questions, _ = run(mixed)
    bank = tmp_path / "bank"
    bank.mkdir()
    (bank / "mine.yaml").write_text(yaml.safe_dump({"questions": questions}))
    out = io.StringIO()
    call_command("importquizzes", str(mixed), stdout=out, stderr=io.StringIO())
    (bank / "mine.yaml").write_text(out.getvalue(), encoding="utf-8")
    report = load_quizzes(bank)
    assert (report.broken, report.added) == ([], ["good", "good-2"])
    assert read_bank(bank).questions["good"].text == "Is {{1, 2}} a set?"


def test_several_files_share_their_ids_and_are_named(
    mixed: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Good\nA) x\nB) y\nANSWER: B\n\nQ\nA) x\nANSWER: A\n")
    questions, said = run(mixed, other)
    assert [q["id"] for q in questions] == ["good", "good-2", "good-3"]
    assert "refused: other.txt: line 8, 'Q': " in said


def test_a_file_that_cannot_be_read_stops_no_other(mixed: Path, tmp_path: Path) -> None:
    pdf, none = tmp_path / "a.pdf", tmp_path / "none.gift"
    pdf.write_bytes(b"%PDF-1.7\n")
    questions, said = run(pdf, none, mixed)
    assert [q["id"] for q in questions] == ["good", "good-2"]
    assert f"refused: {pdf}: this is a PDF" in said
    assert f"refused: {none} cannot be read" in said and "2 imported, 4 refused" in said
    with pytest.raises(CommandError, match="4 refused, nothing imported"):
        run(pdf, none, mixed, strict=True)


def with_image(path: Path, letter: bytes) -> Path:
    """A file of Moodle's whose question brings an image called a.png."""
    image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + letter).decode()
    path.write_text(
        '<quiz><question type="truefalse"><questiontext><text>&lt;img src="a.png"&gt;?'
        f'</text><file name="a.png">{image}</file></questiontext>'
        '<answer fraction="100"><text>true</text></answer>'
        '<answer fraction="0"><text>false</text></answer></question></quiz>'
    )
    return path


def test_an_image_never_takes_the_place_of_another(tmp_path: Path) -> None:
    files = [with_image(tmp_path / f"{one}.xml", one.encode()) for one in "xyx"]
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.png").write_bytes(b"mine")
    with pytest.raises(CommandError, match="nothing imported"):
        run(*files, tmp_path / "none.xml", images=images, strict=True)
    assert [path.name for path in images.iterdir()] == ["a.png"], "none was imported"
    _, said = run(*files, images=images)
    assert "the name of its image 'a.png', which another has: it becomes" in said
    assert f"image: {images / 'a-2.png'} (a.png is another file there)" in said
    run(*files, images=images)
    kept = {path.name: path.read_bytes()[-4:] for path in images.iterdir()}
    assert kept["a.png"] == b"mine"
    assert {last[-1:] for last in kept.values()} == {b"e", b"x", b"y"}
    assert len(kept) == 3, "the second time nothing is new"


def test_a_bank_gives_its_ids_goals_and_rules(mixed: Path, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    bank.mkdir()
    (bank / "goals.yaml").write_text(GOALS)
    (bank / "a.yaml").write_text(
        "questions:\n- {id: good, kind: shorttext, text: 'A?', accepted: ['a'], "
        "goal: sets}\n"
    )
    assert read_bank(bank).broken == []
    mixed.write_text(
        f"{MIXED}\n\n::Long::Which? {{=much the longest of all ~short ~tiny}}\n"
    )
    questions, said = run(mixed, goal="sets", into=bank)
    assert [q["id"] for q in questions] == ["good-2", "good-3"]
    assert {q["goal"] for q in questions} == {"sets"}
    assert "'Long': the right answer has 23 characters" in said
    with pytest.raises(CommandError, match="has goals: name one"):
        run(mixed, into=bank)
    with pytest.raises(CommandError, match="there is no goal 'bags'"):
        run(mixed, into=bank, goal="bags")
    with pytest.raises(CommandError, match="none is no directory of a bank"):
        run(mixed, into=tmp_path / "none")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.gift", "::Ü::Größer? {T}"),
        ("q.txt", "Größer?\nA) A100\nB) L4\nANSWER: A\n"),
        ("q.xml", '<quiz><question type="truefalse"><questiontext><text>Größer?</text>'
         '</questiontext><answer fraction="100"><text>true</text></answer>'
         '<answer fraction="0"><text>false</text></answer></question></quiz>'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_format_and_letters_are_found(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    path = tmp_path / name
    if name == "q.xml" and encoding == "utf-16":
        text = f'<?xml version="1.0" encoding="utf-16"?>{text}'
        path.write_bytes(text.encode(encoding))
        questions, _ = run(path, format="moodle")
    else:
        path.write_bytes(text.encode(encoding))
        questions, _ = run(path)
    assert questions[0]["text"] == "Größer?"


def test_another_encoding_is_asked_for_by_line(tmp_path: Path) -> None:
    path = tmp_path / "q.gift"
    path.write_bytes("One? {T}\n\nGrößer? {T}".encode("windows-1252"))
    with pytest.raises(CommandError, match=r"line 3: this is not UTF-8\. Save it as"):
        run(path)
    assert run(path, encoding="windows-1252")[0][1]["text"] == "Größer?"
    path.write_bytes("Größer? {T}".encode("utf-16-le"))
    with pytest.raises(CommandError, match="zero bytes, as UTF-16"):
        run(path)
    with pytest.raises(CommandError, match="no encoding 'elvish'"):
        run(path, encoding="elvish")
    with pytest.raises(CommandError, match="cannot be read"):
        run(tmp_path / "none.gift")


def test_a_file_that_a_bank_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "q.gift"
    path.write_text("\n\n".join(f"Is it {n}? {{T}}" for n in range(9_000)))
    with pytest.raises(CommandError, match=r"9000 questions are .* import fewer"):
        run(path)


def test_a_file_that_is_too_long_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its patterns took half a minute for fifty megabytes."""
    looked = []
    monkeypatch.setattr(files, "without_fences", lambda *args: looked.append(args))
    path = tmp_path / "long.gift"
    path.write_text("::A::Is it? {T}\n\n" * 70_000, encoding="utf-8")
    with pytest.raises(CommandError, match="at most 1,000,000 characters"):
        run(path)
    assert not looked
