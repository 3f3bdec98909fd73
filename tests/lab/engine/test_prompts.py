"""Where a learner's requests begin to differ."""

import pytest

from lab.engine import prompts
from lab.engine.prompts import Prompts
from lab.reasons import Difference


def test_the_one_with_most_in_common_is_held_against_it() -> None:
    kept = Prompts()
    kept.add(1, [1, 2, 3, 4], None)
    kept.add(2, [1, 2, 9, 9], None)
    kept.add(3, [1, 2, 3, 5], None)
    assert kept.differences([1, 2, 3]) == [Difference(2, 1, 2), Difference(3, 1, 3)]


def test_requests_of_others_are_never_held_against_it() -> None:
    kept = Prompts()
    kept.add(1, [1, 2, 3, 4], None)
    kept.add(2, [1, 2, 3, 5], None)
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
        kept.add(short_id, [short_id] * 4, None)
    kept.answered(4, (7, 8))
    assert kept.tokens(2) == []
    assert kept.tokens(4) == [4, 4, 4, 4, 7, 8]
