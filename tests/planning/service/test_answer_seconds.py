"""A card's seconds for one answer: what adds to them, and what shares them."""

from dataclasses import replace

import pytest

from planning.catalog.gpus import gpu
from planning.memory.model_catalog import model
from planning.service.answer_seconds import (
    AnswerTokens,
    answer_seconds,
    roofline_of,
)

CARD = gpu("h100-sxm")
LINE = roofline_of(model("llama-3.1-8b"), CARD)
ANSWER = AnswerTokens(prompt=1_000, cached=0, output=101)


def seconds(**changes: float) -> float:
    return answer_seconds(LINE, CARD, replace(ANSWER, **changes)).value


def test_an_answer_alone_takes_its_prompt_and_a_step_a_token() -> None:
    prompt_s = LINE.prompt_s(1_000, CARD.step_limits[0])
    steps_s = 100 * LINE.step_s(1, 1_050.5)
    assert seconds() == pytest.approx(prompt_s + steps_s)


def test_the_first_token_comes_with_the_prompt() -> None:
    assert seconds(output=1) == pytest.approx(LINE.prompt_s(1_000, 10**6))


def test_cached_tokens_cost_nothing_but_the_last_one_is_computed() -> None:
    assert seconds(cached=992) < seconds(cached=512) < seconds()
    assert seconds(cached=1_000) == pytest.approx(seconds(cached=999))


def test_requests_in_the_same_steps_share_the_reading_of_weights() -> None:
    alone, shared = seconds(), seconds(mean_running=8.2)
    assert alone / 8 < shared < alone / 4


def test_a_long_prompt_is_computed_in_steps_of_the_budget() -> None:
    budget, _ = CARD.step_limits
    long = seconds(prompt=3 * budget, output=1)
    assert long == pytest.approx(LINE.prompt_s(3 * budget, budget))


def test_the_interval_is_wider_for_a_card_of_an_architecture_without_points() -> None:
    known = answer_seconds(LINE, CARD, ANSWER)
    other = gpu("b200-sxm")
    unknown = answer_seconds(roofline_of(model("llama-3.1-8b"), other), other, ANSWER)
    assert known.low < known.value < known.high
    assert unknown.high / unknown.low > known.high / known.low
