"""Whether the course has what is asked for, and what is said where that is doubtful."""

import numpy as np
import pytest

from mentor.knowing import course_answer
from mentor.knowing.asked_for import flags, focus
from mentor.knowing.finding import NOT_JUST, find, in_course
from mentor.knowing.leaning import fit
from tests.mentor.knowing_course import small_course

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def course():
    with in_course(small_course()):
        yield


@pytest.mark.parametrize(
    ("question", "stems"),
    [
        ("How many lines of code has the scheduler?", ["line"]),
        ("which mode of torch.compile is used", ["mode"]),
        ("what is the licence of the engine", ["licenc"]),
        ("What programming language is it written in?", ["program", "languag"]),
        ("why is decoding slow", []),
    ],
)
def test_what_is_asked_for_follows_how_many_and_which(question, stems) -> None:
    assert focus(question) == stems


def test_flags_and_variables_are_told_by_how_they_are_written() -> None:
    asked = "Is --swap-space or VLLM_USE_V1 like logit_bias -- or cold-start?"
    assert flags(asked) == ["--swap-space", "vllm_use_v1", "logit_bias"]


def test_a_flag_that_the_course_does_not_have_is_near_whatever_it_is_about() -> None:
    found = find("What does --kv-cache-swap do when the KV cache of a token is full?")
    assert found.kind == "near" and course_answer(found).text == ""


def test_what_is_near_offers_what_the_course_does_say() -> None:
    found = find("Which learning rate do I need to fine-tune Llama with LoRA?")
    assert found.kind == "near" and len(found.offers) == 2


def test_an_answer_in_doubt_says_so_before_the_courses_sentences() -> None:
    sure = find("What is a cold start?")
    doubted = find("how long does a cold start last for the largest model")
    assert not sure.is_doubted and sure.words == ""
    assert doubted.is_doubted and doubted.words == NOT_JUST
    assert "It took 30 s." in course_answer(doubted).text


def test_a_leaning_tells_both_sides_apart_with_few_wordings_and_with_many() -> None:
    draw = np.random.default_rng(1)
    ones = np.array([1.0, 0, 0, 0]) + draw.normal(0, 0.1, (80, 4))
    others = np.array([0, 1.0, 0, 0]) + draw.normal(0, 0.1, (40, 4))
    for inside in (ones[:3], ones):
        found = fit(inside.astype(np.float32), others.astype(np.float32))
        assert ones[50] @ found[:-1] + found[-1] > 1
        assert others[30] @ found[:-1] + found[-1] < -1
