"""Everyday words of a situation are looked up as the course's own."""

import pytest

from mentor.knowing.everyday import in_the_courses_words
from mentor.knowing.question import read_question
from mentor.knowing.short_forms import written_out
from mentor.knowing.spelling import Spelling, bases


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("how many customers fit", "how many users fit"),
        ("someone pasted a whole book", "someone pasted a long prompt"),
        ("my neighbour wants a novel", "my neighbour wants a long answer"),
        ("was I kicked out", "was I preempted"),
        ("the invoice ticks at night", "the bill ticks at night"),
        ("we have three servers now", "we have three replicas now"),
        ("which knob is it", "which flag is it"),
        ("my boss says that the cache is full", "the cache is full"),
        ("an intern asks why it is full. What do I tell her?", "why it is full."),
        ("my friend says that is plenty", "that is plenty"),
        ("the delay before it starts", "the time to first token"),
    ],
)
def test_a_situation_is_told_in_the_courses_words(question: str, read: str) -> None:
    assert in_the_courses_words(question) == read
    assert read_question(question, (), "").own == read


@pytest.mark.parametrize(
    "question",
    [
        "tensor parallelism between two servers",
        "does a worker start on another server",
        "does each user get another copy of the weights",
        "write a poem about autumn",
        "why is round robin bad, each round robin turn",
    ],
)
def test_what_means_something_else_stays(question: str) -> None:
    assert in_the_courses_words(question) == question


def test_the_question_before_is_read_the_same_way() -> None:
    asked = read_question("and why?", ["how many customers fit"], "")
    assert asked.full.startswith("how many users fit")


@pytest.mark.parametrize("word", ["pasted", "ticks", "recompile", "choppy", "rereads"])
def test_a_regular_form_of_a_word_is_no_misspelling(word: str) -> None:
    spelling = Spelling(
        ["wasted picks recompute copy reads"],
        ["paste", "tick", "compile", "chop", "read", "reread"],
    )
    assert spelling.correct(word) == word
    assert bases(word)


def test_a_misspelling_is_still_corrected() -> None:
    assert Spelling(["block cache"], ["back"]).correct("blok cahce") == "block cache"


def test_a_break_even_by_its_letter_is_no_you() -> None:
    assert written_out("formula for u star") == "formula for break-even"
    assert written_out("isnt it full") == "is not it full"


def test_a_word_of_four_letters_is_no_other_that_begins_alike() -> None:
    spelling = Spelling(["what with will"], [])
    assert spelling.correct("wifi") == "wifi"
    assert spelling.correct("wht wiht wlil") == "wht with will"
