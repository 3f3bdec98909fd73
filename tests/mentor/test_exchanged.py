"""A sentence of the course with a word exchanged is not the course's sentence."""

import pytest

from mentor.knowing import Finding, Passage, check
from mentor.knowing.exchanged import is_exchanged

SLOWER = (
    "The attention code of the first version was by itself 20–26 % slower, since it "
    "had to look up where each block lies."
)
INSIDE = "Internal fragmentation is what stays empty inside a block."


@pytest.mark.parametrize(
    ("said", "source"),
    [
        (SLOWER.replace("slower", "faster"), SLOWER),
        (INSIDE.replace("Internal", "External"), INSIDE),
        ("With paging fewer requests fit.", "More requests fit at once with paging."),
        (
            "Serverless costs less from 30 busy minutes an hour on.",
            "Provisioned costs less from 30 busy minutes an hour on.",
        ),
    ],
)
def test_a_word_that_says_otherwise_is_seen(said: str, source: str) -> None:
    assert is_exchanged(said, source)
    passages = (Passage("Worth", "/chapters/x/#worth", source),)
    [checked] = check(said, Finding("answer", passages=passages))
    assert not checked.supported


@pytest.mark.parametrize(
    ("said", "source"),
    [
        (SLOWER, SLOWER),
        ("Internal fragmentation stays empty inside a block.", INSIDE),
        ("The first version's attention code was by itself 20–26 % slower.", SLOWER),
        ("Paging lets more requests fit.", "More requests fit at once with paging."),
    ],
)
def test_fewer_words_and_another_order_are_let_pass(said: str, source: str) -> None:
    assert not is_exchanged(said, source)
