"""The chat messages of a question, within what the model can take."""

import pytest

from mentor.errors import Refused
from mentor.knowing import Passage
from mentor.prompts import (
    SYSTEM,
    Exchange,
    Window,
    build,
    check_question,
    estimate_tokens,
)

WINDOW = Window(max_model_len=1_024, max_output_tokens=128)
PASSAGES = [Passage("One", "/#1", "First fact."), Passage("Two", "/#2", "Second fact.")]


def tokens_of(messages):
    return sum(estimate_tokens(message["content"]) for message in messages)


def test_passages_stand_before_the_question_in_the_user_turn():
    prompt = build("Why?", PASSAGES, [], WINDOW)
    assert [m["role"] for m in prompt.messages] == ["system", "user"]
    assert prompt.messages[0]["content"] == SYSTEM
    expected = (
        "Text:\nOne: First fact.\n\nTwo: Second fact.\n\n"
        "Answer from the text, in one or two sentences. Question: Why?"
    )
    assert prompt.messages[1]["content"] == prompt.user_content == expected


def test_without_a_passage_the_question_stands_alone():
    assert build("Why?", [], [], WINDOW).user_content == "Why?"


def test_earlier_turns_are_sent_as_they_were_so_that_the_prefix_cache_hits():
    first = build("Why?", PASSAGES, [], WINDOW)
    earlier = [Exchange(first.user_content, "Because.")]
    second = build("And then?", PASSAGES, earlier, WINDOW)
    assert second.messages[:2] == first.messages
    assert second.messages[2] == {"role": "assistant", "content": "Because."}
    assert second.num_turns_dropped == 0


def test_the_oldest_turns_are_dropped_first_and_counted():
    earlier = [Exchange(f"question {n} " * 30, f"answer {n}") for n in "abcdefgh"]
    prompt = build("Now?", PASSAGES, earlier, WINDOW)
    kept = [m["content"] for m in prompt.messages if m["role"] == "assistant"]
    assert 0 < len(kept) < len(earlier)
    assert kept == [exchange.answer for exchange in earlier[-len(kept) :]]
    assert prompt.num_turns_dropped == len(earlier) - len(kept)
    assert tokens_of(prompt.messages) <= WINDOW.prompt_tokens


def test_passages_give_way_to_a_long_question():
    long_passages = [Passage("P", f"/#{n}", "fact " * 100) for n in range(3)]
    question = "why " * 400
    prompt = build(question, long_passages, [], WINDOW)
    assert len(prompt.passages) < 3
    assert prompt.user_content.endswith(question)
    assert tokens_of(prompt.messages) <= WINDOW.prompt_tokens


@pytest.mark.parametrize("question", ["", "  \n\t "])
def test_an_empty_question_is_refused(question):
    with pytest.raises(Refused, match="no question yet"):
        check_question(question, WINDOW)


def test_a_question_longer_than_the_model_can_take_is_refused_with_both_numbers():
    with pytest.raises(Refused, match=r"about 1,\d\d\d tokens .* has room for \d{3}\."):
        check_question("7" * 1_500, WINDOW)
    assert check_question(" why? ", WINDOW) == "why?"


@pytest.mark.parametrize(
    ("text", "at_least"),
    [("The engine takes a block.", 6), ("12345", 5), ("字字", 4), ("\U0001f600", 4)],
)
def test_tokens_are_estimated_on_the_high_side(text, at_least):
    assert at_least <= estimate_tokens(text) <= len(text.encode())
