"""Sentences of the chapter beside a note, and short forms written out."""

import pytest

from mentor.knowing import course_answer, find
from mentor.knowing.finding import in_course
from mentor.knowing.knowledge import Knowledge
from mentor.knowing.passages import Passage, quotes
from mentor.knowing.short_forms import written_out
from tests.mentor.knowing_course import NOTES

PROSE = (
    "Card\n40 GiB\nA cold start of the largest model took 221 s in the logs. "
    "It was the slowest of all that were read.\n"
    "A cold start is the wait of a request that finds no worker running."
)


def _texts(text: str) -> list[str]:
    return [quote.text for quote in quotes(Passage("Starts", "/u", text))]


def test_what_is_quoted_can_stand_by_itself() -> None:
    assert _texts(PROSE) == [
        "A cold start of the largest model took 221 s in the logs.",
        "A cold start of the largest model took 221 s in the logs. "
        "It was the slowest of all that were read.",
        "A cold start is the wait of a request that finds no worker running.",
    ]
    assert _texts("Users of 4,096 tokens on one H100\n111\nfor x in y: print(x)") == []


def test_a_paragraph_says_what_the_note_leaves_out_and_repeats_nothing() -> None:
    passage = Passage("Starts", "/u", PROSE, "section", anchor="starts")
    with in_course(Knowledge(NOTES, [passage])):
        found = find("how long does a cold start last for the largest model")
        said = course_answer(found)
    assert found.notes[0].note_id == "cold-start"
    assert "221 s" in said.text and said.sentences[-1].url == "/u"
    assert said.text.count("finds no worker running") == 1
    assert said.text.count("221 s in the logs") == 1


@pytest.mark.parametrize(
    ("question", "written"),
    [
        (
            "TP vs PP w/o nvlink",
            "tensor parallelism vs pipeline parallelism without nvlink",
        ),
        ("how many reqs for 10k ppl", "how many requests for 10,000 people"),
        ("10000 users, the 4th number", "10,000 users, the fourth number"),
        ("--tp 2 and /dev/shm, id a3f4k", "--tp 2 and /dev/shm, id a3f4k"),
        ("in the year 2026 of 8192.5", "in the year 2,026 of 8192.5"),
    ],
)
def test_short_forms_are_written_out_as_the_course_writes(
    question: str, written: str
) -> None:
    assert written_out(question) == written


def test_where_no_note_answers_a_paragraph_that_is_clearly_meant_does() -> None:
    text = (
        "A buddy allocator halves free memory until a piece just fits. "
        "What is freed joins its neighbour of the same size again."
    )
    passage = Passage("Both ways", "/b", text, "section", anchor="both-ways")
    with in_course(Knowledge(NOTES, [passage])):
        found = find("how does the buddy allocator halve free memory")
        outside = find("how do I halve a recipe for pancakes")
    assert (found.kind, found.notes) == ("answer", [])
    assert course_answer(found).sentences[0].url == "/b"
    assert outside.kind == "decline"


def test_of_another_card_than_the_one_asked_for_nothing_is_said() -> None:
    with in_course(Knowledge(NOTES, [])):
        assert find("What is the KV cache?").kind == "answer"
        assert find("What is the KV cache of a B200?").kind == "near"
