"""The bank is fair: nothing is found by its length, and goals are asked for."""

from pathlib import Path

import pytest

from quizzes.bank import read_bank
from quizzes.expressions import evaluate
from quizzes.grading import NumericKey, Outcome, grade
from quizzes.loader import load_quizzes
from quizzes.models import LearningGoal
from quizzes.questions import Question
from quizzes.rules import MAX_LONGER, faults_of_bank, is_right_longest
from quizzes.variants import variant_of

GOALS = """goals:
- {id: sums, text: You can add., chapter: c, section: s}
"""
SINGLE = """questions:
- id: one
  kind: single
  goal: sums
  text: What is 1 + 1?
  choices:
  - {text: "two", right: true, because: "Yes."}
  - {text: "one", because: "No."}
"""
NUMERIC = """questions:
- id: one
  kind: numeric
  goal: sums
  text: What is 2 + 2?
  answer: 4
  mistakes:
  - {answer: 0, because: "You took it off."}
  - {answer: 22, because: "You put them side by side."}
"""
TELL_TALE = ("always", "only", "nothing", "never", "nearly all", "all of it")


def questions_of(kind: str) -> list[Question]:
    return [q for q in read_bank().questions.values() if q.kind == kind]


def test_the_bank_keeps_its_rules() -> None:
    bank = read_bank()
    assert bank.broken == [] and bank.goals is not None
    assert faults_of_bank(bank.questions, bank.goals) == []


def test_choosing_the_longest_and_false_is_no_better_than_guessing() -> None:
    singles, truths = questions_of("single"), questions_of("truefalse")
    longest = sum(is_right_longest(question) for question in singles)
    assert longest <= 0.35 * len(singles)
    for question in singles:
        wrong = max(len(c.text) for c in question.choices if not c.is_right)
        right = max(len(c.text) for c in question.choices if c.is_right)
        assert right <= MAX_LONGER * wrong, question.name
    num_true = sum(question.choices[0].is_right for question in truths)
    assert abs(2 * num_true - len(truths)) <= 1


def test_no_distractor_gives_itself_away() -> None:
    for question in (*questions_of("single"), *questions_of("multiple")):
        for choice in question.choices:
            words = f" {choice.text.casefold()} "
            told = [word for word in TELL_TALE if f" {word} " in words]
            assert choice.is_right or not told, (question.name, told)


def test_every_number_foresees_mistakes_and_tells_them_apart() -> None:
    for question in questions_of("numeric"):
        assert len(question.mistakes) >= 2, question.name
        for seed in range(40):
            variant = variant_of(question, seed)
            key = variant.key()
            told = set()
            for mistake in question.mistakes:
                number = str(float(evaluate(mistake.answer, variant.values)))
                found = grade(key, {"value": [number]})
                assert found.outcome is Outcome.WRONG, (question.name, number)
                assert found.given is not None
                told.add(variant.mistake(found.given))
            assert "" not in told


def test_hints_do_not_hold_the_answer() -> None:
    for question in questions_of("numeric"):
        for seed in range(20):
            variant = variant_of(question, seed)
            key = variant.key()
            assert isinstance(key, NumericKey)
            answer = f" {float(key.value):g} "
            for hint in variant.hints:
                assert answer not in f" {hint.replace(',', '')} ", question.name


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "says"),
    [
        (SINGLE, "  goal: sums\n", "", 2, "'goal' is missing"),
        (SINGLE, "goal: sums", "goal: poems", 4, "no goal 'poems'"),
        (SINGLE, '"two"', '"two, as one"', 7, "give it away"),
        (NUMERIC, NUMERIC[NUMERIC.index("  mistakes") :], "", 2, "at least 2"),
        (NUMERIC, "  - {answer: 22", "  # {answer: 22", 8, "at least 2"),
    ],
)
def test_a_question_that_breaks_a_rule_is_refused_by_line(
    tmp_path: Path, text: str, old: str, new: str, line: int, says: str
) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS)
    (tmp_path / "mine.yaml").write_text(text)
    assert read_bank(tmp_path).broken == []
    (tmp_path / "mine.yaml").write_text(text.replace(old, new))
    (error,) = read_bank(tmp_path).broken
    assert (error.path.name, error.line) == ("mine.yaml", line)
    assert says in error.reason


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("You can add.", "Adding.", "begins with 'You can'"),
        ("id: sums", "id: Sums!", "a-z, 0-9"),
        ("section: s", "place: s", "unknown field"),
        (GOALS, GOALS + GOALS.removeprefix("goals:\n"), "a second goal"),
    ],
)
def test_a_broken_goal_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS.replace(old, new))
    assert says in read_bank(tmp_path).broken[0].reason


def test_without_goals_a_directory_of_questions_is_read_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.yaml").write_text(SINGLE.replace("  goal: sums\n", ""))
    assert read_bank(tmp_path).broken == []


def test_what_the_whole_bank_breaks_is_named(db: None, tmp_path: Path) -> None:
    (tmp_path / "goals.yaml").write_text(GOALS)
    truth = (
        "- {id: t%d, kind: truefalse, goal: sums, text: Is it?, answer: false, "
        'because: {"true": a, "false": b}}\n'
    )
    longest = SINGLE.replace('"two"', '"both"')
    (tmp_path / "mine.yaml").write_text(longest + truth % 1 + truth % 2)
    report = load_quizzes(tmp_path)
    assert report.broken == [] and len(report.unfair) == 2
    assert "1 of 1 single-choice" in report.unfair[0]
    assert "0 are true and 2 are false" in report.unfair[1]
    (tmp_path / "mine.yaml").write_text(SINGLE)
    assert "'sums' has 1 of 2" in load_quizzes(tmp_path).unfair[0]
    assert LearningGoal.objects.get().text == "You can add."
    (tmp_path / "goals.yaml").unlink()
    load_quizzes(tmp_path)
    assert not LearningGoal.objects.get().is_current
