"""The bank: whole, true to the chapter, and refused by file, line and reason."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from courseware.loader import CONTENT
from quizzes.bank import BANK, read_bank
from quizzes.loader import load_quizzes
from quizzes.models import QuestionRevision, Quiz
from quizzes.reports import REPORT_NUMBERS
from quizzes.variants import variant_of

GOOD = """questions:
- id: one
  kind: numeric
  text: What is {n} + 1?
  parameters: {n: {from: 1, to: 9}}
  answer: n + 1
"""


def test_the_bank_covers_the_chapter() -> None:
    bank = read_bank()
    assert bank.broken == []
    questions = bank.questions.values()
    assert len(questions) >= 60
    assert sum(q.is_parametrised for q in questions) >= 20
    assert sum(q.kind == "measured" for q in questions) >= 10
    assert len({q.kind for q in questions}) == 8


def test_every_question_names_its_section_source_and_reasons() -> None:
    chapter = (CONTENT / "deploying-ai-models.md").read_text()
    anchors = set(re.findall(r"^###? .*\{#([a-z-]+)[ }]", chapter, re.MULTILINE))
    claims = yaml.safe_load((CONTENT / "deploying-ai-models.claims.yaml").read_text())
    for question in read_bank().questions.values():
        assert question.section in anchors, question.name
        assert question.source and question.tags and question.explanation
        assert all(choice.because for choice in question.choices)
        assert question.hints or question.kind == "truefalse", question.name
        named = re.findall(
            r"claims? ([a-z0-9-]+)(?:(?:, | and )([a-z0-9-]+))*", question.source
        )
        for claim in {word for words in named for word in words if word}:
            assert claim in claims, (question.name, claim)


def test_every_quiz_of_the_chapters_is_there() -> None:
    names = {plan.name for plan in read_bank().quizzes}
    for path in CONTENT.glob("*.md"):
        for name in re.findall(r"^::: quiz (\S+)$", path.read_text(), re.MULTILINE):
            assert name in names


def test_the_same_seed_always_gives_the_same_variant() -> None:
    for question in read_bank().questions.values():
        assert variant_of(question, 12345) == variant_of(question, 12345)
        if question.is_parametrised:
            texts = {variant_of(question, seed).text for seed in range(30)}
            assert len(texts) > 1


def test_recorded_reports_are_whole_and_say_where_they_come_from() -> None:
    found = yaml.safe_load((BANK / "recorded_reports.yaml").read_text())
    questions = read_bank().questions
    assert {"model", "device", "date", "source"} <= found["provenance"].keys()
    for name, report in found["reports"].items():
        assert len(report["runs"]) == len(questions[name].runs)
        assert isinstance(report["exact"], bool)
        for run in report["runs"]:
            assert set(run) == set(REPORT_NUMBERS)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("kind: numeric", "kind: riddle", 3, "no kind 'riddle'"),
        ("id: one", "id: One!", 2, "a-z, 0-9"),
        ("  answer: n + 1\n", "", 2, "'answer' is missing"),
        ("n + 1\n", "n + k\n", 2, "no parameter 'k'"),
        ("n + 1\n", "__import__('os')\n", 2, "no function"),
        ("from: 1, to: 9", "from: 9, to: 1", 5, "upwards"),
        ("from: 1", "from: x", 5, "not a number"),
        ("text: What is {n} + 1?", "text: ''", 4, "empty"),
        ("text: What is {n} + 1?", "text: 'What {k}?'", 2, "no parameter"),
        ("kind: numeric", "kind: numeric\n  colour: red", 4, "unknown field"),
        ("kind: numeric", "kind: numeric\n  kind: single", 3, "twice"),
        ("kind: numeric", "kind: numeric\n  unit: furlongs", 4, "no unit"),
        ("- id: one", "- id: one\n   kind: x", 3, "not YAML"),
        ("kind: numeric", "kind: single", 6, "unknown field"),
        ("kind: numeric", "kind: numeric\n  hints: none", 4, "a list"),
        ("kind: numeric", "kind: numeric\n  tags: [true]", 4, "a text"),
        ("questions:", "riddles:", 1, "one field"),
        ("n + 1\n", "'n + {value kv-8b hands}'\n", 6, "no figure 'hands': known are"),
        ("n + 1\n", "{claim: nothing, key: gib}\n", 6, "no claim 'nothing'"),
        ("What is {n} + 1?", "'Of {value kv-8b}?'", 4, "{value CLAIM KEY FORMAT}"),
    ],
)  # fmt: skip
def test_a_broken_question_is_refused_by_file_line_and_reason(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert read_bank(tmp_path).broken == []
    (tmp_path / "mine.yaml").write_text(GOOD.replace(old, new))
    (error,) = read_bank(tmp_path).broken
    assert error.path.name == "mine.yaml" and error.line == line, error
    assert says in error.reason


def test_a_question_takes_its_numbers_from_the_chapters_claims(
    tmp_path: Path,
) -> None:
    body = """questions:
- id: one
  kind: numeric
  text: "How many KiB is {value kv-8b bytes_per_token} bytes?"
  parameters: {m: {of: [{kib: {claim: kv-8b, key: kib_per_token}}]}}
  answer: {claim: kv-8b, key: kib_per_token}
  tolerance: m.kib / 100
"""
    (tmp_path / "mine.yaml").write_text(body)
    bank = read_bank(tmp_path)
    assert bank.broken == []
    variant = variant_of(bank.questions["one"], 1)
    assert variant.text == "How many KiB is 131,072 bytes?"
    key = variant.key()
    assert (key.value, float(key.tolerance)) == (128, 1.28)


def test_loading_again_changes_nothing_and_a_new_wording_is_a_new_row(
    db: None, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert load_quizzes(tmp_path).added == ["one"]
    assert load_quizzes(tmp_path).unchanged == ["one"]
    (tmp_path / "mine.yaml").write_text(GOOD.replace("What", "Which number"))
    assert load_quizzes(tmp_path).changed == ["one"]
    rows = QuestionRevision.objects.filter(name="one")
    assert rows.count() == 2 and rows.filter(is_current=True).count() == 1
    (tmp_path / "mine.yaml").write_text("questions: []\n")
    assert load_quizzes(tmp_path).removed == ["one"]


def test_nothing_is_loaded_while_something_is_broken(db: None, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(CommandError, match=r"b\.yaml:2: .*a second question 'one'"):
        call_command("loadquizzes", str(tmp_path))
    assert not QuestionRevision.objects.exists()
    (tmp_path / "b.yaml").unlink()
    quizzes = "quizzes:\n- {id: q, title: T, chapter: c, anchor: a, draw: [two]}\n"
    (tmp_path / "quizzes.yaml").write_text(quizzes)
    with pytest.raises(CommandError, match=r"quizzes\.yaml:2: .*no question 'two'"):
        call_command("loadquizzes", str(tmp_path))
    (tmp_path / "quizzes.yaml").write_text(quizzes.replace("two", "one"))
    call_command("loadquizzes", str(tmp_path))
    assert Quiz.objects.get().draws == [["one"]]


def test_a_folder_without_a_bank_removes_nothing(db: None, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    load_quizzes(tmp_path)
    for name in ("none", "a.yaml"):
        with pytest.raises(CommandError, match="is no directory of a bank"):
            call_command("loadquizzes", str(tmp_path / name))
        with pytest.raises(CommandError, match="nothing was written"):
            call_command("exportquizzes", "gift", str(tmp_path / name))
    with pytest.raises(CommandError, match="cannot be written: Is a directory"):
        call_command("exportquizzes", "gift", str(tmp_path), output=tmp_path)
    assert QuestionRevision.objects.get().is_current


def test_a_file_that_nobody_would_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(GOOD.encode() + b"# caf\xe9\n")
    (tmp_path / "mine.yml").write_text(GOOD)
    yml, latin = read_bank(tmp_path).broken
    assert "ends in .yaml" in str(yml)
    assert (latin.line, "not UTF-8" in latin.reason) == (GOOD.count("\n") + 1, True)


@pytest.mark.parametrize("tags", ["&a [*a]", "[&a ['x'], *a]", "&a {b: *a}"])
def test_what_repeats_itself_is_refused_by_its_line(tags: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{GOOD}  tags: {tags}\n")
    (error,) = read_bank(tmp_path).broken
    assert error.line == GOOD.count("\n") + 1 and "by an alias" in error.reason


QUIZ = "quizzes:\n- {{id: {}, title: {}, chapter: {}, anchor: {}, draw: [one]}}\n"


@pytest.mark.parametrize("field", range(4))
def test_what_a_column_cannot_hold_is_refused(field: int, tmp_path: Path) -> None:
    """SQLite takes any length, PostgreSQL does not."""
    (tmp_path / "a.yaml").write_text(GOOD)
    values, longest = ["q", "T", "c", "a"], [80, 200, 80, 120][field]
    values[field] = "a" * longest
    (tmp_path / "quizzes.yaml").write_text(QUIZ.format(*values))
    assert read_bank(tmp_path).broken == []
    values[field] += "a"
    (tmp_path / "quizzes.yaml").write_text(QUIZ.format(*values))
    (error,) = read_bank(tmp_path).broken
    assert error.line == 2
