"""The answers of each kind of Moodle's questions, as fields of the bank.

Source: moodle/moodle, ``question/format/xml/format.php``. What is asked of a question
here is what ``MoodleQuestion`` of moodle_import offers.
"""

from collections.abc import Callable
from typing import Any, Protocol

from quizzes.errors import BrokenQuestion
from quizzes.formats.answers import (
    NumberRow,
    Row,
    choice_fields,
    matching_fields,
    number_of,
    numeric_fields,
    shorttext_fields,
    starred,
    truefalse_fields,
)
from quizzes.formats.safe_xml import Node
from quizzes.units import UNITS


class Asked(Protocol):
    """A question of Moodle's."""

    node: Node
    losses: list[str]

    def text(self, node: Node | None) -> str:
        """A text in its own format."""

    def rows(self) -> list[Row]:
        """Its answers."""


def weight_of(answer: Node, losses: list[str]) -> float:
    """What an answer earns, in per cent; raises BrokenQuestion."""
    said = answer.attributes.get("fraction", "").strip()
    if "," in said:
        losses.append(f"the comma of the fraction {said!r} is read as a decimal point")
    weight = float_of(said.replace(",", ".") or "0")
    if weight is None or not -100 <= weight <= 100:
        raise BrokenQuestion((), f"the fraction {said!r} is no number of per cent.")
    return weight


def float_of(text: str) -> float | None:
    """A number of Moodle's, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _multichoice(question: Asked) -> dict[str, Any]:
    is_single = question.node.at("single").lower() not in ("false", "0")
    return choice_fields(question.rows(), is_single, question.losses)


def _truefalse(question: Asked) -> dict[str, Any]:
    rows = question.rows()
    by_name = {row.text.casefold(): row for row in rows}
    if set(by_name) != {"true", "false"}:
        if len(rows) != 2:
            raise BrokenQuestion((), "its answers are 'true' and 'false'.")
        # Moodle's own step with files of other languages.
        by_name = dict(zip(("true", "false"), rows, strict=True))
        question.losses.append(
            f"its answers {rows[0].text!r} and {rows[1].text!r} are read as true and "
            "false, in this order"
        )
    true, false = by_name["true"], by_name["false"]
    if true.weight == false.weight:
        raise BrokenQuestion((), "true and false earn the same: one is right.")
    return truefalse_fields(true.weight > false.weight, true.feedback, false.feedback)


def _shortanswer(question: Asked) -> dict[str, Any]:
    if question.node.at("usecase") == "1":
        question.losses.append("that capital letters matter")
    rows = [starred(row) for row in question.rows()]
    return shorttext_fields(rows, question.losses)


def _numerical(question: Asked) -> dict[str, Any]:
    rows = []
    for answer, row in zip(question.node.all("answer"), question.rows(), strict=True):
        if row.text == "*":
            if row.feedback:
                question.losses.append(
                    f"the feedback {row.feedback!r} to any other answer"
                )
            continue
        tolerance = answer.at("tolerance") or "0"
        rows.append(
            NumberRow(
                number_of(row.text, question.losses),
                number_of(tolerance, question.losses).removeprefix("-"),
                row.weight,
                row.feedback,
            )
        )
    return numeric_fields(rows, question.losses) | _unit(question)


def _unit(question: Asked) -> dict[str, str]:
    units = question.node.child("units")
    named = list(units.all("unit")) if units else []
    for unit in named:
        name = unit.at("unit_name")
        if float_of(unit.at("multiplier") or "1") == 1 and name in UNITS:
            return {"unit": name}
    names = ", ".join(unit.at("unit_name") for unit in named)
    if names:
        question.losses.append(f"the unit {names}: a number alone is asked for")
    return {}


def _matching(question: Asked) -> dict[str, Any]:
    pairs = [
        (question.text(pair), pair.at("answer", "text"))
        for pair in question.node.all("subquestion")
    ]
    return matching_fields(pairs, question.losses)


def _ordering(question: Asked) -> dict[str, Any]:
    rows = sorted(question.rows(), key=lambda row: row.weight)
    if any(row.feedback for row in rows):
        question.losses.append("the feedback to its lines")
    return {"kind": "ordering", "items": [{"text": row.text} for row in rows]}


READERS: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "ordering": _ordering,
}
