"""Cards for so many requests: against hand sums, and what holds for every model."""

import math
from dataclasses import replace
from datetime import date

import pytest

from planning.catalog.gpus import gpu, load_gpus
from planning.cluster.arrangement import arrange
from planning.cluster.communication import PCIE5_GBS, communication
from planning.cluster.demand import Demand, users_to_cards
from planning.errors import BadSetting
from planning.memory.model_catalog import load_models, model
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need, cheapest_offer, settings_for
from planning.memory.sizing import estimate_memory

TODAY = date(2026, 11, 26)
H100, T4 = gpu("h100-sxm"), gpu("t4")
PAIR = Need(model("llama-3.1-70b"), SCHEMES["fp8"], "fp8", 4_096)
"""Llama 3.1 70B in FP8: a pair of H100s holds 109 requests of 4,096 tokens."""


def by_tp(need: Need, card=H100) -> dict:
    return {one.tp: one for one in arrange(need, card, TODAY).arrangements}


@pytest.mark.parametrize(("users", "pairs"), [(1, 1), (109, 1), (110, 2), (1_000, 10)])
def test_replicas_are_requests_by_what_one_holds(users, pairs) -> None:
    found = by_tp(replace(PAIR, num_users=users))[2]
    assert found.users_per_replica == 109
    assert (found.num_replicas, found.num_gpus) == (pairs, 2 * pairs)
    assert found.fewest_replicas <= pairs <= found.most_replicas


def test_the_best_has_the_fewest_cards_and_then_the_smaller_replicas() -> None:
    best = arrange(replace(PAIR, num_users=1_000), H100, TODAY).best
    assert (best.tp, best.num_replicas, best.num_gpus, best.num_hosts) == (4, 4, 16, 2)


def test_one_card_is_said_to_be_enough() -> None:
    small = Need(model("llama-3.1-8b"), context=4_096, num_users=8)
    assert arrange(small, H100, TODAY).best.is_one_card


def test_what_no_host_holds_goes_over_several() -> None:
    """405 billion parameters in 16 bit are 812 GB; 8 H100s show 633 GiB."""
    best = arrange(Need(model("llama-3.1-405b")), H100, TODAY).best
    assert (best.tp, best.pp, best.num_gpus, best.num_hosts) == (8, 2, 16, 2)


def test_a_model_too_large_for_any_arrangement_says_so_by_name() -> None:
    cluster = arrange(Need(model("llama-3.1-405b")), T4, TODAY)
    assert cluster.best is None
    assert "No arrangement of T4 cards" in cluster.why_not
    assert "Llama 3.1 405B" in cluster.why_not and "64 of them" in cluster.why_not


def test_a_context_beyond_the_models_positions_is_no_matter_of_cards() -> None:
    cluster = arrange(Need(model("llama-3.1-8b"), context=1_000_000), H100, TODAY)
    assert cluster.why_not.startswith("No number of cards helps")


def test_never_more_than_max_num_seqs_run_at_once() -> None:
    tiny = Need(model("qwen2.5-0.5b"), context=1_024, num_users=5_000, max_num_seqs=64)
    assert {one.users_per_replica for one in by_tp(tiny).values()} == {64}


@pytest.mark.parametrize("one", load_models(), ids=lambda one: one.id)
def test_cards_hold_what_is_claimed_and_more_users_never_take_fewer(one) -> None:
    fewest = 0
    for users in (1, 50, 3_000):
        need = Need(one, context=1_024, num_users=users)
        cluster = arrange(need, H100, TODAY)
        assert bool(cluster.arrangements) != bool(cluster.why_not)
        for found in cluster.arrangements:
            held = estimate_memory(settings_for(need, H100, found.tp, found.pp)).users
            assert found.users_per_replica <= held.value
            assert found.num_replicas * found.users_per_replica >= users
            assert (found.num_replicas - 1) * found.users_per_replica < users
        if cluster.best:
            assert cluster.best.num_gpus >= fewest
            fewest = cluster.best.num_gpus


@pytest.mark.parametrize("card", load_gpus(), ids=lambda card: card.id)
def test_every_card_is_arranged_or_said_to_be_too_small(card) -> None:
    cluster = arrange(replace(PAIR, num_users=200), card, TODAY)
    assert cluster.arrangements or card.name in cluster.why_not
    for found in cluster.arrangements:
        assert found.decode_link_gbs >= 0
        assert (found.communication.tensor == 0) == (found.tp == 1)


def test_all_reduces_of_a_pair_by_hand() -> None:
    """80 layers × 2 × 8,192 values × 2 bytes × 2 (2 − 1) ÷ 2."""
    sent = communication(model("llama-3.1-70b"), 2)
    assert sent.tensor == 80 * 2 * 8_192 * 2
    assert sent.num_all_reduces == 160
    assert (sent.pipeline, sent.experts) == (0, 0)


def test_a_pipeline_passes_one_row_at_a_boundary() -> None:
    sent = communication(model("llama-3.1-405b"), 8, 2)
    assert sent.pipeline == 16_384 * 2
    assert sent.tensor == 126 / 2 * 2 * 16_384 * 2 * 2 * 7 / 8


def test_experts_take_each_token_there_and_back() -> None:
    """DeepSeek V3: 58 layers with experts, 8 chosen, 7,168 values; 7 of 8 are away."""
    sent = communication(model("deepseek-v3"), 8)
    assert sent.experts == 58 * 2 * 8 * 7_168 * 2 * 7 / 8


def test_prefill_of_a_pair_needs_more_than_pcie() -> None:
    """2.62 MB a token at 14,231 tokens/s are 37 GB/s; a tenth of the time is ours."""
    found = by_tp(PAIR)[2]
    rate = 0.5 * 2 * H100.fp8_dense_tflops * 1e12 / (2 * 69.503e9)
    assert found.prefill_link_gbs == pytest.approx(rate * 2_621_440 / 1e8, rel=1e-3)
    assert found.prefill_link_gbs > PCIE5_GBS == pytest.approx(63, abs=0.1)


def test_ten_thousand_people_step_by_step() -> None:
    """By hand: 10,000 ÷ 60 = 166.7 a second × 12 s = 2,000 at once; ÷ 109 = 18.3."""
    cards = users_to_cards(Demand(), PAIR, H100, tp=2, today=TODAY)
    assert cards.demand.requests_per_s == pytest.approx(166.67, abs=0.01)
    assert cards.at_once == 2_000
    assert cards.users_per_replica == 109
    assert cards.replicas_by_memory == 19
    flops = 10_000 / 60 * 1_300 * 2 * 69.503e9
    gpus = flops / (0.5 * H100.fp8_dense_tflops * 1e12)
    assert cards.gpus_by_arithmetic == pytest.approx(gpus, rel=1e-3)
    assert cards.replicas_by_arithmetic == 16
    assert cards.is_bound_by_memory
    # 19 × 1.3 = 24.7
    assert (cards.num_replicas, cards.num_gpus) == (25, 50)
    one = cheapest_offer("h100-sxm", 1, TODAY).usd_per_hour
    assert 0 < cards.offer.usd_per_hour <= 50 * one + 1e-6
    assert 0 < cards.least_answer_s < cards.demand.answer_s
    assert cards.at_once_each == 80
    assert cards.prompt_share == pytest.approx(gpus / 50 * 10 / 13, rel=1e-3)
    # a step reads 35.3 GB and 80 × 1,150 × 81,920 bytes a card, at 0.6 × 3,350 GB/s
    step_s = (35.295e9 + 80 * 1_150 * 81_920) / (0.6 * 3.35e12)
    likely = 300 * step_s / (1 - cards.prompt_share)
    assert cards.likely_answer_s == pytest.approx(likely, rel=1e-3)
    assert cards.likely_answer_s == pytest.approx(cards.demand.answer_s, rel=0.1)


def test_long_prompts_and_short_answers_are_bound_by_arithmetic() -> None:
    busy = Demand(prompt_tokens=3_900, output_tokens=50, answer_s=2)
    cards = users_to_cards(busy, PAIR, H100, tp=2, today=TODAY)
    assert not cards.is_bound_by_memory
    assert cards.num_replicas == math.ceil(1.3 * cards.replicas_by_arithmetic)


def test_more_people_never_take_fewer_cards() -> None:
    crowds = [1, 10, 500, 10_000, 250_000]
    found = [
        users_to_cards(Demand(num_people=n), PAIR, H100, today=TODAY).num_gpus
        for n in crowds
    ]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("demand", "field"),
    [
        (Demand(num_people=0), "num_people"),
        (Demand(think_s=float("nan")), "think_s"),
        (Demand(prompt_tokens=4_000), "context"),
        (Demand(headroom=0.5), "headroom"),
    ],
)
def test_a_sum_that_cannot_be_is_refused_by_field(demand, field) -> None:
    with pytest.raises(BadSetting) as told:
        users_to_cards(demand, PAIR, H100, today=TODAY)
    assert told.value.field == field


def test_a_size_that_does_not_hold_the_model_is_refused() -> None:
    whole = Need(model("llama-3.1-70b"), context=4_096)
    with pytest.raises(BadSetting, match="no such arrangement"):
        users_to_cards(Demand(), whole, H100, tp=1, today=TODAY)
