"""Where a learner's requests begin to differ."""

import pytest

from lab.engine import prompts
from lab.engine.prompts import Prompts
from lab.reasons import Difference


def test_the_one_with_most_in_common_is_held_against_it() -> None:
    kept = Prompts()
    kept.add(1, [1, 2, 3, 4])
    kept.add(2, [1, 2, 9, 9])
    kept.add(3, [1, 2, 3, 5])
    assert kept.differences([1, 2, 3]) == [Difference(2, 1, 2), Difference(3, 1, 3)]


def test_an_answer_that_is_asked_about_is_in_common_too() -> None:
    """A conversation's next prompt begins with the prompt before and its answer."""
    kept = Prompts()
    kept.add(1, [1, 2, 3])
    kept.answered(1, [7, 8, 9])
    kept.add(2, [1, 2, 3, 7, 8, 5])
    assert kept.differences([1, 2]) == [Difference(2, 1, 5)]


def test_requests_of_others_are_never_held_against_it() -> None:
    kept = Prompts()
    kept.add(1, [1, 2, 3, 4])
    kept.add(2, [1, 2, 3, 5])
    assert kept.differences([2]) == []


def test_a_salt_is_told_only_where_nothing_else_is_alike() -> None:
    kept = Prompts()
    kept.add(1, [1, 2, 3], "a")
    kept.add(2, [1, 2, 3], "b")
    assert kept.differences([1, 2]) == [Difference(2, 1, 3, is_salted=True)]
    kept.add(3, [1, 9], "b")
    assert kept.difference(3, [1, 2]) == Difference(3, 2, 1)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MOST_TOKENS", 10)
    kept = Prompts()
    for short_id in range(1, 5):
        kept.add(short_id, [short_id] * 4)
    kept.answered(4, (7, 8))
    assert kept.tokens(2) == []
    assert kept.tokens(4) == [4, 4, 4, 4, 7, 8]


def test_whose_it_is_is_known_a_moment_after_its_end() -> None:
    kept = Prompts()
    kept.add(1, [1], request_id="a")
    kept.add(2, [1], request_id="b")
    assert kept.short_ids(["b", "c"]) == [2]


def test_the_words_of_a_block_and_of_a_difference() -> None:
    kept = Prompts()
    kept.add(1, [10, 11, 12, 13, 14])
    kept.add(2, [10, 11, 12, 99])
    kept.answered(2, [50, 51])

    def decode(tokens: list[int]) -> str:
        return " ".join(map(str, tokens))

    assert kept.block_words(2, 4, decode) == ["10 11 12 99", "50 51"]
    assert kept.block_words(3, 4, decode) == []
    (difference,) = kept.differences([1, 2])
    assert kept.apart(difference, decode) == {
        "common": "10 11 12", "mine": "99 50 51", "other": "13 14",
    }  # fmt: skip
