"""What surrounds a question is no part of what is looked up."""

import pytest

from mentor.knowing.manners import plainly
from mentor.knowing.question import read_question


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Hi, I am a manager, explain to me what a KV cache is", "what a KV cache is"),
        ("what is a token, im a beginner", "what is a token"),
        ("chunked prefill explain like I'm 5", "chunked prefill"),
        ("what's a step in vllm", "what's a step"),
        ("Could you please explain what TTFT is?", "what TTFT is?"),
        ("explain in simple words what a block does", "what a block does"),
        ("what graphics card do I need?", "what GPU do I need?"),
        ("Can you run 70B on one card?", "Can you run 70B on one card?"),
        ("right now how full is the cache", "right now how full is the cache"),
        ("btw what is GQA?", "what is GQA?"),
        ("sorry, other question. what is GQA", "what is GQA"),
        ("one more thing: who evicts a block?", "who evicts a block?"),
        ("one thing a step is bound by?", "one thing a step is bound by?"),
        ("please explain", "please explain"),
        ("hello", "hello"),
    ],
)
def test_only_what_is_asked_is_left(written: str, asked: str) -> None:
    assert plainly(written) == asked


def test_what_was_said_stays_known() -> None:
    asked = read_question("Hello there, what is TTFT please?", (), "")
    assert asked.said == "Hello there, what is TTFT please?"
    assert asked.own.rstrip("?") == "what is TTFT"
