"""Aiken as Moodle reads it, and as teachers write it."""

from typing import Any

import pytest

from quizzes.formats.aiken import read_aiken
from quizzes.questions import question_from

CARD = "Which is a card?\nA) A100\nB) Xeon\nANSWER: A\n"


def rights(body: dict[str, Any]) -> list[str]:
    return [row["text"] for row in body["choices"] if row["right"]]


def test_two_questions_are_read() -> None:
    source = (
        "What is it?\nA. One\nB) Two\nANSWER: B\n\nAnd\nthis?\nA. x\nB. y\nANSWER: A"
    )
    first, second = read_aiken(source).bodies
    assert (first["text"], rights(first)) == ("What is it?", ["Two"])
    assert (second["text"], rights(second)) == ("And this?", ["x"])
    question_from(first)


@pytest.mark.parametrize(
    "source",
    [
        CARD,
        CARD.replace("A)", "   A)").replace("B)", "   B)"),
        CARD.replace("A) ", "\tA.\t").replace("B) ", "\tB.\t"),
        CARD.replace("A) ", "A)").replace("B) ", "B)"),
        CARD.replace("ANSWER: A", "ANSWER: A."),
        CARD.replace("ANSWER: A", "ANSWER: A) A100"),
        CARD.replace("ANSWER: A", "ANSWER:A"),
        CARD.replace("ANSWER: A", "  Answer : a"),
        CARD.replace("ANSWER: A", "ANSWER: A100"),
        CARD.replace("ANSWER", "answer").replace("A)", "a)").replace("B)", "b)"),
        CARD.replace("A)", "А)").replace("B)", "Б)").replace(": A", ": А"),
        CARD.replace("\n", "\r\n"),
        CARD.replace("\n", "\r"),
        "\ufeff" + CARD,
    ],
)
def test_each_way_to_write_a_question_is_read(source: str) -> None:
    imported = read_aiken(source)
    assert not imported.refused
    [body] = imported.bodies
    assert (body["kind"], rights(body)) == ("single", ["A100"])
    assert body["text"] == "Which is a card?"


def test_two_letters_after_answer_make_a_multiple_choice() -> None:
    [body] = read_aiken("Cards?\nA) A100\nB) L4\nC) Xeon\nANSWER: A, B\n").bodies
    assert (body["kind"], rights(body)) == ("multiple", ["A100", "L4"])


def test_feedback_belongs_to_the_question_above_it() -> None:
    source = f"{CARD}FEEDBACK: because it is.\n\nNext?\nA) x\nB) y\nANSWER: B\n"
    first, second = read_aiken(source).bodies
    assert first["explanation"] == "because it is."
    assert second["text"] == "Next?" and "explanation" not in second


def test_an_option_may_have_two_lines() -> None:
    imported = read_aiken(CARD.replace("A100", "A100\n   by NVIDIA"))
    assert rights(imported.bodies[0]) == ["A100 by NVIDIA"]
    assert "line breaks" in imported.losses[0]


def test_a_text_may_begin_like_an_option() -> None:
    source = "Read.\nA. begins a sentence\nWhich?\nA. one\nB. two\nANSWER: A\n"
    imported = read_aiken(source)
    [body] = imported.bodies
    assert body["text"] == "Read. A. begins a sentence Which?"
    assert "line 4" in imported.losses[0] and "as text" in imported.losses[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [("Q\nA. x\nB. y\nANSWER: C", "line 4, 'Q': ANSWER is one of A, B, not 'C'"),
     ("Q\nA. x\nANSWER: A", "line 3, 'Q': a text and at least two options"),
     ("A. x\nB. y\nANSWER: A", "line 3: a text and at least two options"),
     ("Q\nA. x\nB. y\nA. z\nB. w\nANSWER: A", "line 4, 'Q': a second A"),
     ("Q\nA. x\nC. y\nANSWER: A", "line 3, 'Q': C stands where B is next"),
     ("Q\nA. x\nB. y\n", "no ANSWER"), ("ANSWER: A", "line 1: an ANSWER without"),
     ("Q\nA) x\nB) y\n\nNext\nA) x\nB) y\nANSWER: B", "line 5, 'Q': an option or")],
)  # fmt: skip
def test_a_broken_question_is_refused_and_the_others_are_read(
    source: str, says: str
) -> None:
    imported = read_aiken(f"{CARD}\n{source}\n\n{CARD}")
    line = int(says.removeprefix("line ").split(",")[0].split(":")[0] or 0) if (
        says.startswith("line")
    ) else 0  # fmt: skip
    assert len(imported.refused) == 1 or "second A" in says
    if line:
        says = says.replace(f"line {line}", f"line {line + 5}", 1)
    if source != "Q\nA. x\nB. y\n":
        assert says in imported.refused[0]
    assert rights(imported.bodies[0]) == rights(imported.bodies[-1]) == ["A100"]
    assert imported.bodies[0]["id"] != imported.bodies[-1]["id"]
