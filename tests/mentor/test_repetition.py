"""Answers that turn in circles."""

import pytest

from mentor.repetition import is_circling

SENTENCE = "It is a technique used to optimize the performance. "


@pytest.mark.parametrize(
    "text",
    [
        "PagedAttention is new. " + SENTENCE * 3,
        "Blocks. " + SENTENCE * 3 + "It is",
        "a request-block" + "-block" * 9,
    ],
)
def test_the_same_passage_three_times_in_a_row_is_a_circle(text):
    assert any(is_circling(text[:end]) for end in range(len(text) + 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        SENTENCE * 2,
        SENTENCE + "But. " + SENTENCE + "And. " + SENTENCE,
        "|" + "-" * 90 + "|",
        "ha ha ha",
    ],
)
def test_what_repeats_less_or_without_letters_is_none(text):
    assert not any(is_circling(text[:end]) for end in range(len(text) + 1))
