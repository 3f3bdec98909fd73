"""Prompts and answers on different cards: neither waits for the other."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from planning.fleet.break_even import workers_for
from planning.fleet.per_token import tokens_served
from planning.fleet.plan import Plan, Service
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import simulate
from planning.fleet.workload import Work, chunk_of
from tests.planning.fleet.test_batch import (
    busy_s,
    minutes_of,
    one_worker,
    quantiles_of,
    random_plan,
    serve,
)

SPLIT = Service(prefill_on="separate", transfer_tokens_per_s=10_000)


def test_an_answer_goes_on_at_its_pace_beside_a_prompt() -> None:
    """The same as on shared cards, where the two take 10.99 and 19.99 s."""
    fleet = one_worker(is_split=1)
    serve(fleet, (0.0, 0.0, 10.0), (1.0, 9.99, 0.0))
    assert float(fleet["total_s"]) == pytest.approx(10 + 9.99)


def test_prompts_still_go_one_after_the_other() -> None:
    fleet = one_worker(is_split=1)
    serve(fleet, *[(0.0, 2.0, 5.0)] * 3)
    firsts = quantiles_of(fleet, "firsts", 0.3, 0.6, 1.0)
    assert firsts == pytest.approx([2, 4, 6], rel=0.01)
    assert float(fleet["total_s"]) == pytest.approx(7 + 9 + 11)


def test_the_cache_is_sent_before_the_second_token() -> None:
    lengths = np.array([1000.0]), np.array([200.0])
    sent = chunk_of(np.zeros(1), *lengths, SPLIT)
    shared = chunk_of(np.zeros(1), *lengths, replace(SPLIT, prefill_on="shared"))
    free = chunk_of(np.zeros(1), *lengths, replace(SPLIT, transfer_tokens_per_s=None))
    assert sent.decodes[0] == pytest.approx(shared.decodes[0] + 0.1)
    assert free.decodes[0] == shared.decodes[0]
    assert sent.prefills[0] == shared.prefills[0]


def test_cached_tokens_are_sent_and_not_computed() -> None:
    lengths = np.array([1000.0]), np.array([200.0])
    plain = chunk_of(np.zeros(1), *lengths, SPLIT)
    cached = chunk_of(np.zeros(1), *lengths, SPLIT, cached_pct=75)
    assert cached.prefills[0] == pytest.approx(plain.prefills[0] / 4)
    assert cached.decodes[0] == plain.decodes[0]


def test_workers_are_as_many_as_the_busier_of_both_cards_needs() -> None:
    shared, split = Plan(), Plan(service=SPLIT)
    for work in (Work(1.0, 1.0), Work(0.1, 10.0)):
        fewer, more = (workers_for(one, 100, work) for one in (split, shared))
        assert more / 2 <= fewer < more


def test_no_plan_computes_more_than_each_of_its_cards() -> None:
    random = Random(9)
    for _ in range(30):
        plan = random_plan(random)
        service = replace(plan.service, prefill_on="separate")
        plan = replace(plan, service=service)
        counts = minutes_of(plan)
        most = busy_s(counts) * service.prefill_tokens_per_s * (1 + 1e-9)
        prompts = counts["prefill_s"] * service.prefill_tokens_per_s
        assert prompts <= most and tokens_served(plan, counts) - prompts <= most, plan


def test_long_prompts_hold_up_no_answers_any_more() -> None:
    """Prefill for 40 % of the time: answers on cards of their own end sooner."""

    def seconds(prefill_on: str) -> float:
        fields = {"mode": "provisioned", "instances": 1, "rate_per_s": 1.2}
        lengths = {"input_tokens": 10_000, "output_tokens": 300, "input_cv": 0.5}
        result = simulate(
            parse_plan({**fields, **lengths, "prefill_on": prefill_on}), 100_000
        )
        median = result.total_s[50]
        assert median is not None
        return median.mean

    assert seconds("separate") < 0.8 * seconds("shared")
