"""What plans can say of costs: always-on workers, rounding, boxes, an API, tokens."""

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import yaml

from planning.errors import BadSetting
from planning.fleet import batch
from planning.fleet.costs import billed_seconds, costs_of
from planning.fleet.fleet_state import new_fleet
from planning.fleet.plan import MONTH_S, Plan, Service
from planning.fleet.plan_fields import parse_plan, read_plan
from planning.fleet.results import Result, simulate
from planning.fleet.rules import rules_of
from planning.fleet.token_cost import RequestTokens, pace, service_on, token_cost
from planning.fleet.workload import chunk_of, log_normal, mean_work
from tests.planning.fleet.test_simulation import month_of, random_plan

DATA = Path(__file__).parents[2] / "data"
HOURS = 720
QUIET = {"mode": "serverless", "rate_per_s": 0.02}
CLOCKWORK = {
    "pattern": "constant",
    "input_cv": 0,
    "output_cv": 0,
    "cold_start_cv": 0,
    "concurrency": 1,
}


def simulated(budget: int = 400_000, **fields: Any) -> Result:
    return simulate(parse_plan(fields), budget)


BEFORE = {
    "bursty-chat": (
        "0x1.44f5c49cc60aap+7",
        "0x1.64f8cc2218fb2p+2",
        "0x1.b6e9c7cae1079p-5",
        "0x1.872a9f2385361p+27",
    ),
    "nightly-batch": (
        "0x1.0925505ca2ff8p+10",
        "0x1.5d129eb1a9a13p+10",
        "0x1.8a2dfad2bcfe7p-1",
        "0x1.fec8fded1c96cp+31",
    ),
    "steady-api": (
        "0x1.1e86aeddc0d3bp+11",
        "0x1.e97866aaaf4d0p-2",
        "0x1.b5f0cfd91b20cp+0",
        "0x1.2e7c294fb2569p+32",
    ),
    "flash-crowd": (
        "0x1.690e111277050p+11",
        "0x1.ec6f1f3d43065p+1",
        "0x1.01549e94b518dp+0",
        "0x1.28a7410af2dcap+30",
    ),
    "real-trace": (
        "0x1.4efae147ae0a2p+10",
        "0x1.1374714c1261ep+0",
        "0x1.0000000000000p+0",
        "0x1.42e569addbc6dp+32",
    ),
}
"""Cost, wait of 95 %, workers and tokens of the plans of plans_before.yaml, before
plans had prices, a hit rate and workers of several GPUs: the same bit for bit on one
machine, and to nine digits on another, whose numpy may round otherwise."""


@pytest.mark.parametrize("name", BEFORE)
def test_a_plan_that_leaves_the_new_fields_out_comes_to_the_same(name: str) -> None:
    plans = yaml.safe_load((DATA / "plans_before.yaml").read_text())
    found = simulate(parse_plan(plans[name]), 400_000)
    wait = found.wait_s[95]
    values = found.cost_usd, wait, found.workers, found.tokens
    before = [float.fromhex(text) for text in BEFORE[name]]
    assert [v.mean for v in values if v] == pytest.approx(before, rel=1e-9)


def test_always_on_workers_at_the_same_price_change_nothing() -> None:
    fields = QUIET | {"min_workers": 2, "max_workers": 3}
    plain = simulated(**fields)
    priced = simulated(**fields, active_usd_per_s=0.00116)
    assert priced.cost_usd.mean == pytest.approx(plain.cost_usd.mean, rel=1e-12)


def test_always_on_workers_have_their_discount_for_all_of_their_time() -> None:
    fields = QUIET | {"min_workers": 2, "max_workers": 3}
    plain = simulated(**fields)
    cheaper = simulated(**fields, active_usd_per_s=0.00093)
    saved = 2 * MONTH_S * (0.00116 - 0.00093)
    assert plain.cost_usd.mean - cheaper.cost_usd.mean == pytest.approx(saved, rel=1e-6)


def test_always_on_workers_are_billed_though_idle_time_is_not() -> None:
    fields = QUIET | {"min_workers": 1, "max_workers": 1, "bills_idle": "no"}
    found = simulated(**fields, active_usd_per_s=0.001)
    assert found.cost_usd.mean == pytest.approx(MONTH_S * 0.001, rel=1e-6)


@pytest.mark.parametrize("idle_timeout_s", [0, 600])
def test_a_request_is_rounded_up_by_itself(idle_timeout_s: float) -> None:
    """One at a time, each of the same seconds: every one adds the same."""
    fields = QUIET | CLOCKWORK | {"rounding_s": 10, "idle_timeout_s": idle_timeout_s}
    plan = parse_plan(fields | {"rounding_of": "request"})
    found = simulate(plan, 400_000)
    work_s = mean_work(plan).total_s
    added_s = (-work_s) % 10
    served = found.requests.mean
    usd = served * added_s * plan.serverless.serverless_usd_per_s
    assert found.costs["rounding"].mean == pytest.approx(usd, rel=1e-3)


def test_rounding_of_workers_is_as_before() -> None:
    fields = QUIET | CLOCKWORK | {"rounding_s": 10, "idle_timeout_s": 600}
    by_request = simulated(**fields, rounding_of="request").costs["rounding"].mean
    by_worker = simulated(**fields).costs["rounding"].mean
    assert by_worker < by_request / 10


def test_an_instance_of_several_workers_is_paid_as_a_whole() -> None:
    box = simulated(
        mode="provisioned", instances=2, replicas=8, provisioned_usd_per_h=55.04
    )
    assert box.cost_usd.mean == pytest.approx(2 * 55.04 * HOURS, rel=1e-9)
    singles = simulated(mode="provisioned", instances=16, provisioned_usd_per_h=6.88)
    assert box.wait_s == singles.wait_s and box.workers.mean == 16
    assert box.cost_usd.mean == pytest.approx(singles.cost_usd.mean)


def test_boxes_with_an_autoscaler_are_refused() -> None:
    with pytest.raises(BadSetting, match="replicas: is 8; the autoscaler adds"):
        parse_plan({"replicas": 8, "autoscaler": "on", "instances": 2})


def test_more_workers_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"makes 16,000 instances and workers"):
        parse_plan({"mode": "provisioned", "instances": 2000, "replicas": 8})


def test_the_lines_of_any_plan_are_a_bill() -> None:
    """Random plans with all of it at once; nothing is billed below zero, or twice."""
    random = Random(11)
    for _ in range(30):
        plan = random_plan(random)
        more: dict[str, Any] = {
            "active_usd_per_s": random.choice([0.0, 0.0005, 0.00116]),
            "rounding_of": random.choice(["worker", "request"]),
            "cached_pct": random.choice([0, 50, 100]),
            "autoscaler": "off",
            "replicas": random.choice([1, 2]),
        }
        changed, wrong = read_plan(more, base=plan)
        assert changed is not None, wrong
        counts = month_of(changed)
        bill = costs_of(changed, counts)
        assert min(bill.lines.values()) > -1e-9, changed
        by_kind = [sum(one.values()) for one in billed_seconds(changed, counts)]
        usd = (
            by_kind[0] * changed.usd_per_instance_h / 3600 / more["replicas"]
            + by_kind[1] * changed.usd_per_worker_s
            + by_kind[2] * more["active_usd_per_s"]
        )
        assert bill.total == pytest.approx(usd, rel=1e-9), changed
        if changed.has_serverless:
            kept_s = changed.serverless.min_workers * MONTH_S
            assert by_kind[2] == pytest.approx(kept_s, rel=1e-9), changed


def test_an_api_bills_the_tokens_of_all_requests() -> None:
    fields = QUIET | CLOCKWORK | {"input_tokens": 2000, "output_tokens": 100}
    prices = {
        "api_usd_per_m_input": 0.5,
        "api_usd_per_m_cached": 0.05,
        "api_usd_per_m_output": 2,
        "cached_pct": 40,
    }
    found = simulated(**fields, **prices)
    usd = (1200 * 0.5 + 800 * 0.05 + 100 * 2) / 1e6
    assert found.api_usd.mean == pytest.approx(found.requests.mean * usd, rel=1e-9)


def test_the_bill_is_divided_into_prompts_and_answers() -> None:
    fields = {"mode": "provisioned", "instances": 1, "rate_per_s": 0.5}
    found = simulated(**fields, **CLOCKWORK | {"concurrency": 16})
    assert found.usd_per_m_input and found.usd_per_m_output
    requests = found.requests.mean
    inputs, outputs = 1000 * requests / 1e6, 200 * requests / 1e6
    bill = found.usd_per_m_input.mean * inputs + found.usd_per_m_output.mean * outputs
    assert bill == pytest.approx(found.cost_usd.mean, rel=1e-3)


def test_the_formula_of_a_tokens_cost_agrees_with_the_simulation() -> None:
    """A worker with more requests than it can serve, all its places full."""
    service = Service(concurrency=8)
    found = simulated(
        mode="provisioned",
        instances=1,
        rate_per_s=20,
        concurrency=8,
        max_queue=100,
        input_cv=0,
        output_cv=0,
    )
    said = token_cost(3.99, service, RequestTokens(1000, 200))
    assert found.usd_per_m_input and found.usd_per_m_output
    assert said.usd_per_m_input == pytest.approx(found.usd_per_m_input.mean, rel=0.01)
    assert said.usd_per_m_output == pytest.approx(found.usd_per_m_output.mean, rel=0.01)
    together = (1000 * said.usd_per_m_input + 200 * said.usd_per_m_output) / 1200
    assert said.usd_per_m == pytest.approx(together)


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_the_formula_holds_at_a_part_of_the_load(load: float) -> None:
    tokens = RequestTokens(1000, 200)
    rate = load * token_cost(3.99, Service(), tokens).requests_per_s
    found = simulated(mode="provisioned", instances=1, rate_per_s=rate)
    said = token_cost(3.99, Service(), tokens, load)
    assert found.usd_per_million_tokens
    assert said.usd_per_m == pytest.approx(found.usd_per_million_tokens.mean, rel=0.01)


def test_half_the_load_costs_twice_as_much_a_token() -> None:
    tokens = RequestTokens(1000, 200)
    full, half = (token_cost(3.99, Service(), tokens, load) for load in (1.0, 0.5))
    assert half.usd_per_m == pytest.approx(2 * full.usd_per_m)
    assert half.requests_per_s == pytest.approx(full.requests_per_s / 2)
    alone = token_cost(3.99, Service(), tokens, at_once=1)
    assert alone.usd_per_m_output > 4 * full.usd_per_m_output
    assert alone.usd_per_m_input == pytest.approx(full.usd_per_m_input)


@pytest.mark.parametrize("number", [1, 2, 16, 256])
@pytest.mark.parametrize("slowdown_pct", [0, 3, 20])
def test_the_formulas_pace_is_the_event_loops(number: int, slowdown_pct: int) -> None:
    """Below the point where arithmetic bounds a step, and above."""
    for prefill in (30_800, 500):
        fields = {"slowdown_pct": slowdown_pct, "prefill_tokens_per_s": prefill}
        experts = {"expert_slowdown_pct": 300, "expert_share_pct": 3}
        plan = parse_plan(fields | experts | {"concurrency": 256})
        fleet = new_fleet(rules_of(plan))
        assert pace(plan.service, number) == pytest.approx(batch.pace(fleet, number))


def test_a_cards_tokens_cost_by_its_rates_and_price() -> None:
    tokens = RequestTokens(1000, 200)
    h100 = token_cost(3.99, service_on("h100-sxm"), tokens)
    assert h100 == token_cost(3.99, Service(), tokens)
    l4 = token_cost(0.8, service_on("l4"), tokens)
    assert l4.usd_per_m > h100.usd_per_m and l4.requests_per_s < h100.requests_per_s / 5
    with pytest.raises(BadSetting, match="there is no"):
        service_on("abacus")


def test_cards_of_their_own_share_no_time_that_would_divide_the_bill() -> None:
    fields: dict[str, Any] = {
        "prefill_on": "separate",
        "transfer_tokens_per_s": 2000,
        "mode": "provisioned",
        "rate_per_s": 1,
    }
    found = simulated(**fields)
    assert found.usd_per_m_input is None and found.usd_per_m_output is None
    assert found.usd_per_million_tokens is not None
    asked = found.input_tokens.mean + found.output_tokens.mean
    assert found.tokens.mean == pytest.approx(asked, rel=0.01), "the way is no token"
    with pytest.raises(ValueError, match="cards of their own"):
        token_cost(3.99, parse_plan(fields).service, RequestTokens(1000, 200))


@pytest.mark.parametrize(("load", "at_once"), [(0, 1), (1.2, 1), (1, 17), (1, 0.5)])
def test_a_load_that_cannot_be_is_refused(load: float, at_once: float) -> None:
    with pytest.raises(ValueError, match="allowed are a load above 0"):
        token_cost(1.0, Service(), RequestTokens(10, 10), load, at_once)


def test_a_cached_prompt_takes_no_prefill_and_its_answer_as_long() -> None:
    fields: dict[str, Any] = {"rate_per_s": 2, "instances": 1, "mode": "provisioned"}
    plain, cached = simulated(**fields), simulated(**fields, cached_pct=75)
    assert cached.prompt_workers.mean == pytest.approx(
        plain.prompt_workers.mean / 4, rel=0.01
    )
    assert cached.tokens.mean == pytest.approx(plain.tokens.mean, rel=0.01)
    one, other = plain.first_token_s[50], cached.first_token_s[50]
    assert one and other and other.mean < one.mean / 2
    decodes = [mean_work(parse_plan({"cached_pct": pct})).decode_s for pct in (0, 75)]
    assert decodes[0] == decodes[1]


def test_the_last_token_of_a_prompt_is_computed_always() -> None:
    inputs = log_normal(50.0, 2.0, 1000, np.random.default_rng(1))
    chunk = chunk_of(np.zeros(1000), inputs, inputs, Service(), 100.0)
    computed = chunk.prefills * Service().prefill_tokens_per_s
    assert computed == pytest.approx(np.minimum(inputs, 1.0))


@pytest.mark.parametrize(
    ("fields", "usd_per_h"),
    [
        ({"own_price": 2.5}, 2.5),
        ({"own_price": 1440, "own_price_per": "month"}, 2.0),
        ({"own_price": 0.001, "own_price_per": "second"}, 3.6),
        ({"own_price": 2, "own_price_gpus": 8, "own_currency": "EUR",
          "own_usd_rate": 1.1}, 17.6),
        ({"own_price": 0}, 0.0),
        ({}, 3.99),
    ],
)  # fmt: skip
def test_ones_own_price_goes_before_the_offers(fields, usd_per_h) -> None:
    plan = parse_plan(fields)
    assert plan.usd_per_instance_h == pytest.approx(usd_per_h)
    assert plan.usd_per_worker_s == Plan().usd_per_worker_s
    found = simulate(parse_plan({"mode": "provisioned", **fields}), 20_000)
    assert found.cost_usd.mean == pytest.approx(2 * HOURS * usd_per_h)


def test_ones_own_price_may_be_a_serverless_workers() -> None:
    plan = parse_plan({"own_price": 3.6, "own_price_of": "worker"})
    assert plan.usd_per_worker_s == pytest.approx(0.001)
    assert plan.usd_per_instance_h == 3.99


def test_the_share_that_waits_longer_is_asked_for_by_the_reader() -> None:
    fields = {"mode": "serverless", "rate_per_s": 0.05, "max_workers": 1}
    found = simulated(**fields, late_after_s=30, slo_wait_s=30)
    assert found.later_pct and found.late_pct
    assert found.later_pct.mean == found.late_pct.mean > 1
    shorter = simulated(**fields, late_after_s=1)
    assert shorter.later_pct and shorter.later_pct.mean > found.later_pct.mean
    assert simulated(**fields).later_pct is None
