"""What counts follows the places after the point that are asked for."""

import pytest

from quizzes.errors import BrokenQuestion
from quizzes.expressions import fill
from quizzes.grading import grade
from quizzes.questions import question_from
from quizzes.variants import variant_of

GIB = {
    "id": "one",
    "kind": "numeric",
    "text": "How many GiB?",
    "answer": "0.625",
    "unit": "GiB",
}


@pytest.mark.parametrize(
    ("decimals", "said", "is_right"),
    [
        (2, "0.63", True), (2, "0.62", True), (2, "0.625", True), (2, "0.64", False),
        (2, "0.67 GB", True), (2, "640 MiB", True), (2, "0.6", False), (1, "0.6", True),
        (1, "0.7", False), (0, "1", True), (0, "2", False), (None, "0.63", False),
        (None, "0.625", True),
    ],
)  # fmt: skip
def test_half_a_unit_of_the_last_place_asked_for_counts(
    decimals: int | None, said: str, is_right: bool
) -> None:
    asked = {} if decimals is None else {"decimals": decimals}
    key = variant_of(question_from(GIB | asked), 0).key()
    assert (grade(key, {"value": [said]}).score == 1) == is_right


def test_a_wider_tolerance_of_the_author_still_counts() -> None:
    wide = question_from(GIB | {"decimals": 2, "tolerance": "answer_is_about"})
    with pytest.raises(BrokenQuestion):
        variant_of(wide, 0).key()
    key = variant_of(question_from(GIB | {"decimals": 2, "tolerance": "0.1"}), 0).key()
    assert grade(key, {"value": ["0.7"]}).score == 1


@pytest.mark.parametrize("decimals", ["-1", "7", "1.5", "x"])
def test_places_are_a_small_whole_number(decimals: str) -> None:
    with pytest.raises(BrokenQuestion) as error:
        question_from(GIB | {"decimals": decimals})
    assert error.value.path == ("decimals",)


def test_halves_are_shown_as_people_round() -> None:
    assert fill("{0.625:2}|{0.5:0}|{-0.625:2}|{-0.001:2}|{1234.5:0}|{1/3:3}", {}) == (
        "0.63|1|-0.63|0.00|1,235|0.333"
    )
