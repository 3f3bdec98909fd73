"""Rates of workers in the simulator: never more arithmetic than the cards have."""

from random import Random

import pytest

from planning.catalog.gpus import gpu, load_gpus
from planning.errors import BadSetting
from planning.fleet.batch import pace
from planning.fleet.fleet_state import BUSY, new_fleet
from planning.fleet.per_token import tokens_served
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import parse_plan
from planning.fleet.rules import rules_of
from planning.fleet.sampling import Window
from planning.fleet.simulation import generator, run
from planning.fleet.workload import workload_of
from planning.memory.model_catalog import load_models, model
from planning.memory.ranking import Need, settings_for
from planning.memory.sizing import estimate_memory
from planning.service.model_cost import model_cost
from planning.service.rates import Lengths, worker_rates
from planning.service.roofline import Roofline
from planning.service.shares import SHARES, peak_flops

NUM_PLANS = 40


def test_random_workers_compute_no_more_than_their_cards() -> None:
    """Models, cards, GPUs, lengths and loads at random, by FLOPs of layers alone."""
    random, num_served = Random(5), 0
    while num_served < NUM_PLANS:
        card = random.choice(load_gpus())
        lengths = Lengths(round(10 ** random.uniform(1, 4)), random.randint(1, 500))
        need = Need(random.choice(load_models()), context=16_384)
        try:
            estimate = estimate_memory(
                settings_for(need, card, tp=random.choice([1, 2, 4, 8]))
            )
            rates = worker_rates(estimate, card, lengths)
        except BadSetting:
            continue
        plan = parse_plan(
            {
                **rates.fields(),
                "mode": "provisioned",
                "instances": random.randint(1, 3),
                "rate_per_s": 10 ** random.uniform(0, 2.5),
                "input_tokens": lengths.input,
                "output_tokens": lengths.output,
            }
        )
        cost, num_served = model_cost(estimate.settings), num_served + 1
        flops = (cost.token_flops + cost.expert_flops) * tokens_of(plan)[0]
        peak = peak_flops(card, "fp8" if card.fp8_dense_tflops else "fp16")
        assert flops <= peak * estimate.settings.num_gpus * tokens_of(plan)[1]


def tokens_of(plan: Plan) -> tuple[float, float]:
    """Tokens computed and busy seconds of the first minutes."""
    length = min(300.0, 5_000 / plan.traffic.rate_per_s)
    windows, random = [Window(0.0, length)], generator(plan.seed, 0)
    counts = run(rules_of(plan), workload_of(plan), windows, random, 0.5)
    return tokens_served(plan, counts), float(counts.tally["seconds"][:, BUSY].sum())


@pytest.mark.parametrize("name", ["llama-3.1-8b", "qwen3-30b-a3b", "gpt-oss-120b"])
def test_the_simulator_steps_as_the_roofline_does(name: str) -> None:
    """Its paces of 1 to a full worker are those of the model, experts or none; between
    them a line passes over the bend where arithmetic takes longer than reading."""
    card, lengths = gpu("h100-sxm"), Lengths(1000, 200)
    estimate = estimate_memory(settings_for(Need(model(name)), card))
    rates = worker_rates(estimate, card, lengths)
    line = Roofline(model_cost(estimate.settings), SHARES.machine(card))
    fleet = new_fleet(rules_of(parse_plan({**rates.fields(), "mode": "provisioned"})))
    for number in (1, 2, 4, 8, 16, 32, rates.concurrency):
        exact = line.step_s(number, lengths.context) / line.step_s(1, lengths.context)
        assert 0.97 <= pace(fleet, number) / exact <= 1.12, number
    assert pace(fleet, rates.concurrency) == pytest.approx(exact, rel=0.01)


def test_what_does_not_fit_has_no_rates() -> None:
    estimate = estimate_memory(settings_for(Need(model("llama-3.1-70b")), gpu("l4")))
    with pytest.raises(BadSetting, match="leaves no KV cache"):
        worker_rates(estimate, gpu("l4"), Lengths(1000, 200))


def test_a_card_without_a_published_speed_says_so() -> None:
    estimate = estimate_memory(settings_for(Need(model("llama-3.1-8b")), gpu("mi300x")))
    rates = worker_rates(estimate, gpu("mi300x"), Lengths(1000, 200))
    assert not rates.is_known_card
    interval = rates.prefill_tokens_per_s
    assert interval.high > 3 * interval.low
