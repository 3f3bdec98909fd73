"""What a worker can compute: prompts share it, and never get more than it has."""

from random import Random
from typing import Any

import numpy as np
import pytest

from planning.catalog.gpus import load_gpus
from planning.errors import BadSetting
from planning.fleet import event_loop
from planning.fleet.batch import pace
from planning.fleet.explanation import explain
from planning.fleet.fleet_state import BUSY, Fleet, new_fleet
from planning.fleet.instances import Provisioned
from planning.fleet.means import quantile
from planning.fleet.per_token import tokens_served
from planning.fleet.plan import Plan, Serverless, Service
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import simulate
from planning.fleet.rules import rules_of
from planning.fleet.sampling import Window
from planning.fleet.service_rates import NUM_PARAMETERS, load_rates
from planning.fleet.simulation import Array, Counts, generator, run
from planning.fleet.workload import workload_of

NUM_PLANS = 60
NO_COLD: Array = np.ones(1)


def random_plan(random: Random) -> Plan:
    """Any speeds, lengths, batches and fleets, mostly with too much to do."""
    concurrency = random.choice([1, 2, 16, 256])
    between = random.uniform
    return parse_plan(
        {
            "mode": random.choice(["serverless", "provisioned", "hybrid"]),
            "seed": random.randrange(1000),
            "rate_per_s": 10 ** between(-1, 2.5),
            "input_tokens": 10 ** between(0, 5),
            "output_tokens": 10 ** between(0, 4),
            "prefill_tokens_per_s": 10 ** between(1, 6),
            "decode_tokens_per_s": 10 ** between(0, 4),
            "slowdown_pct": random.choice([0, 3, 50]),
            "step_tokens": max(concurrency, round(10 ** between(1.3, 5))),
            "concurrency": concurrency,
            "instances": random.randint(1, 8),
            "max_workers": random.randint(1, 8),
            "cold_start_s": 5,
        }
    )


def minutes_of(plan: Plan) -> Counts:
    """The first ten minutes, or 20,000 requests."""
    length = min(600.0, 20_000 / plan.traffic.rate_per_s)
    windows, random = [Window(0.0, length)], generator(plan.seed, 0)
    return run(rules_of(plan), workload_of(plan), windows, random, 0.5)


def busy_s(counts: Counts) -> float:
    return float(counts.tally["seconds"][:, BUSY].sum())


def test_no_plan_computes_more_tokens_than_its_workers_can() -> None:
    random = Random(8)
    num_full = 0
    for _ in range(NUM_PLANS):
        plan = random_plan(random)
        counts, service = minutes_of(plan), plan.service
        most = busy_s(counts) * service.prefill_tokens_per_s
        prompts = counts["prefill_s"] * service.prefill_tokens_per_s
        tokens = tokens_served(plan, counts)
        assert prompts <= tokens <= most * (1 + 1e-9), plan
        num_full += tokens > 0.9 * most
    assert num_full >= 5


@pytest.mark.parametrize("concurrency", [1, 16, 256])
def test_no_card_computes_more_than_its_dense_peak(concurrency: int) -> None:
    peaks = {card.id: card.fp16_dense_tflops * 1e12 for card in load_gpus()}
    for rates in load_rates():
        fields: dict[str, Any] = {**rates.fields(), "concurrency": concurrency}
        fields |= {"mode": "provisioned", "instances": 1, "slowdown_pct": 0}
        fields |= {"rate_per_s": 50, "input_tokens": 6000, "output_tokens": 300}
        plan = parse_plan(fields)
        counts = minutes_of(plan)
        flops = 2 * NUM_PARAMETERS * tokens_served(plan, counts)
        assert flops <= peaks[rates.gpu.id] * busy_s(counts), rates.id


def test_long_prompts_beyond_a_card_are_an_overload_and_said_to_be() -> None:
    """20 requests/s of 15,000 tokens need 9.7 of the default worker, an H100."""
    fields = {"mode": "provisioned", "rate_per_s": 20, "input_tokens": 15_000}
    result = simulate(parse_plan({**fields, "instances": 1}), 200_000)
    assert result.prompt_workers.mean == pytest.approx(9.74, rel=0.05)
    assert not result.meets_slo
    assert any("it is overloaded" in sentence for sentence in explain(result))
    enough = simulate(parse_plan({**fields, "instances": 16}), 200_000)
    assert enough.meets_slo


def one_worker(**rules: float) -> Fleet:
    """One instance whose prompt token costs 0.01 of a decode step."""
    plan = Plan(mode="provisioned", provisioned=Provisioned(instances=1))
    own = {"slowdown": 0.0, "token_cost": 0.01, "step_tokens": 1000.0}
    return new_fleet(rules_of(plan) | own | rules)


def serve(fleet: Fleet, *requests: tuple[float, float, float]) -> None:
    """Requests of a time and seconds of prompt and of decoding, to their ends."""
    columns = np.array(requests, float).T
    event_loop.serve(fleet, columns[0], columns[1], columns[2], NO_COLD)
    event_loop.advance(fleet, 1e6, NO_COLD)


def quantiles_of(fleet: Fleet, name: str, *shares: float) -> list[float | None]:
    histogram = np.asarray(fleet[name], float)
    return [quantile(histogram, share) for share in shares]


def test_prompts_go_one_after_the_other_at_the_workers_whole_rate() -> None:
    fleet = one_worker()
    serve(fleet, *[(0.0, 2.0, 0.0)] * 4)
    firsts = quantiles_of(fleet, "firsts", 0.2, 0.45, 0.7, 1.0)
    assert firsts == pytest.approx([2, 4, 6, 8], rel=0.01)
    assert float(fleet["wait_s"]) == pytest.approx(0 + 2 + 4 + 6)
    assert float(fleet["prefill_s"]) == pytest.approx(8)


def test_answers_go_on_beside_a_prompt_by_one_token_a_step() -> None:
    """A step with a prompt: 1 for the decoding request, (1000 − 1) x 0.01 for it."""
    fleet = one_worker()
    serve(fleet, (0.0, 0.0, 10.0), (1.0, 9.99, 0.0))
    # 9.99 s of prompt take 10.99 s, in which the other makes 1 s of progress.
    totals = quantiles_of(fleet, "totals", 0.4, 1.0)
    assert totals == pytest.approx([10.99, 10 + 9.99], rel=0.01)
    assert float(fleet["total_s"]) == pytest.approx(10.99 + 19.99)


def test_a_batch_is_slowed_by_bandwidth_and_no_faster_than_arithmetic() -> None:
    for slowdown, token_cost, seconds in ((0.1, 0.01, 13), (0.0, 0.5, 20)):
        fleet = one_worker(slowdown=slowdown, token_cost=token_cost)
        serve(fleet, *[(0.0, 0.0, 10.0)] * 4)
        assert float(fleet["total_s"]) / 4 == pytest.approx(seconds)


def test_ten_thousand_workers_take_two_thousand_requests_a_second() -> None:
    fields = {
        "rate_per_s": 2000,
        "cold_start_s": 1,
        "output_tokens": 500,
        "max_queue": 100_000,
    }
    for mode in ("provisioned", "serverless"):
        both = {"instances": 10_000, "max_workers": 10_000, "concurrency": 1}
        plan = parse_plan({**fields, **both, "mode": mode})
        counts = run(
            rules_of(plan), workload_of(plan), [Window(0.0, 60.0)], generator(1, 0)
        )
        assert counts["num_arrived"] == pytest.approx(120_000, rel=0.05)
        assert counts["num_refused"] == 0
        in_service = counts["area_service"] / 60
        assert 5_000 < in_service < 10_000


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (Plan(serverless=Serverless(max_workers=10_001)), "allowed are 10,000"),
        (
            Plan(
                mode="hybrid",
                provisioned=Provisioned(instances=9_999),
                serverless=Serverless(max_workers=2),
            ),
            "makes 10,001 instances and workers together; allowed are 10,000",
        ),
        (Plan(service=Service(concurrency=257)), "allowed are 256"),
        (Plan(service=Service(step_tokens=8)), "allowed are 16 or more"),
    ],
)
def test_more_than_there_is_room_for_is_refused(plan: Plan, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        simulate(plan, 1000)


def test_experts_are_read_once_for_all_that_chose_them() -> None:
    """Of four experts a token takes one; reading all takes a whole step more."""
    fleet = one_worker(token_cost=0.0, expert_slowdown=1.0, expert_rest=0.75)
    assert [pace(fleet, number) for number in (1, 2, 3)] == [1, 1.25, 1.4375]
    assert pace(fleet, 200) == pytest.approx(2)
    assert pace(one_worker(slowdown=0.1), 3) == pytest.approx(1.2)
