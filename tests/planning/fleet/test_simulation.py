"""Identities that hold in every simulated run, whatever the plan."""

from random import Random
from typing import Any

import numpy as np
import pytest

from planning.fleet.costs import billed_seconds, costs_of, instance_usd_per_h
from planning.fleet.explanation import explain
from planning.fleet.fleet_state import new_fleet
from planning.fleet.plan import MONTH_S, Plan
from planning.fleet.plan_fields import parse_plan, plan_mapping
from planning.fleet.results import PREVIEW_BUDGET, Result, simulate
from planning.fleet.rules import rules_of
from planning.fleet.sampling import Window, whole_month
from planning.fleet.scenarios import load_scenarios
from planning.fleet.service_rates import load_rates
from planning.fleet.simulation import Counts, generator, run, run_window
from planning.fleet.workload import workload_of

NUM_PLANS = 120
LOST = ("num_refused", "num_gave_up", "num_timed_out", "num_cut_off")


def random_plan(random: Random) -> Plan:
    """Anything goes: all patterns, modes, scalers, overload, losses, pings."""
    choose, between = random.choice, random.uniform
    share = between(1, 30)
    max_workers, instances = random.randint(1, 6), random.randint(1, 5)
    fields: dict[str, Any] = {
        "seed": random.randrange(10_000),
        "mode": choose(["serverless", "provisioned", "hybrid"]),
        "pattern": choose("poisson constant diurnal bursts flash shape".split()),
        "rate_per_s": 10 ** between(-3.5, -0.7),
        "burst_share_pct": share,
        "burst_factor": between(1, 100 / share),
        "burst_minutes": between(0.5, 60),
        "flash_factor": between(1, 100),
        "input_cv": between(0, 2),
        "output_tokens": 10 ** between(1, 3.5),
        "concurrency": choose([1, 2, 8]),
        "slowdown_pct": between(0, 20),
        "instances": instances,
        "autoscaler": choose(["on", "off"]),
        "min_instances": random.randint(1, instances),
        "start_up_min": between(0, 10),
        "cool_down_min": between(0, 10),
        "max_workers": max_workers,
        "min_workers": random.randint(0, max_workers) if random.random() < 0.3 else 0,
        "idle_timeout_s": choose([0, 5, 60, 600]),
        "cold_start_s": choose([0, 10, 120]),
        "scaler": choose(["queue_delay", "request_count"]),
        "requests_per_worker": choose([0.5, 1, 4]),
        "ping_every_min": choose([None, 1, 5, 30]),
        "bills_idle": choose(["yes", "no"]),
        "rounding_s": choose([0, 1, 60]),
        "max_queue": choose([0, 3, 1000]),
        "give_up_s": choose([None, 5, 60]),
    }
    return parse_plan(fields)


def random_scaling(random: Random) -> dict[str, Any]:
    """Time-outs, interruptions, and every rule of the autoscaler."""
    choose, between = random.choice, random.uniform
    return {
        "autoscaler": choose(["on", "on", "off"]),
        "min_instances": choose([0, 0, 1]),
        "look_every_s": choose([5, 15, 60]),
        "signal": choose(["load", "places", "queue"]),
        "target_requests": choose([None, 0.5, 2]),
        "window_s": choose([None, 0, 60, 300]),
        "panic_window_s": choose([None, 60]),
        "panic_threshold_pct": between(101, 300),
        "up_delay_s": choose([0, 30]),
        "scale_in": choose(["lasting", "highest"]),
        "up_rate": choose([None, 2]),
        "up_step": choose([0, 4]),
        "down_rate": choose([None, 2]),
        "up_factor": choose([1, 0.5, 2]),
        "down_factor": choose([1, 0.3]),
        "tolerance_pct": choose([0, 10]),
        "from_zero": choose(["at_once", "at_look"]),
        "activation_requests": choose([0, 0, 2]),
        "zero_look_every_s": choose([None, 120]),
        "zero_after_s": choose([None, 0, 300]),
        "execution_timeout_s": choose([None, 2, 30]),
        "spot": choose(["on", "off"]),
        "interrupted_every_h": 10 ** between(-1.2, 1),
        "notice_s": choose([0, 5, 120]),
        "when_interrupted": choose(["retried", "lost"]),
    }


def month_of(plan: Plan) -> Counts:
    random = generator(plan.seed, 0)
    cold_cv = plan.serverless.cold_start_cv
    return run(rules_of(plan), workload_of(plan), whole_month(), random, cold_cv)


def windows_of(plan: Plan) -> Counts:
    """A month's third, after a lead-in: carried in and out."""
    window = Window(MONTH_S / 3, MONTH_S / 2, 1.0, 50_000.0)
    random = generator(plan.seed, 1)
    return run(rules_of(plan), workload_of(plan), [window], random, 0.5)


@pytest.fixture(scope="module")
def runs() -> list[tuple[Plan, Counts]]:
    random = Random(5)
    plans = [random_plan(random) for _ in range(NUM_PLANS)]
    plans += [
        parse_plan(plan_mapping(random_plan(random)) | random_scaling(random))
        for _ in range(NUM_PLANS)
    ]
    whole = [(plan, month_of(plan)) for plan in plans]
    return whole + [(plan, windows_of(plan)) for plan in plans[::4]]


def test_every_request_is_served_waiting_or_lost(runs: list) -> None:
    for plan, counts in runs:
        came = counts["num_arrived"] + counts.num_carried_in
        lost = sum(counts[name] for name in LOST)
        served = counts["num_finished"] + counts.num_in_service
        assert came == served + counts.num_waiting + lost, plan


def test_littles_law_holds_on_every_run(runs: list) -> None:
    """The area under the number here is the sum of what each request spent here."""
    for plan, counts in runs:
        area = counts["area_queue"] + counts["area_service"]
        assert area == pytest.approx(counts.in_system_s, rel=1e-9, abs=1e-3), plan


def test_a_workers_seconds_add_up_by_phase(runs: list) -> None:
    for plan, counts in runs:
        up = counts["area_ready"] + counts["area_starting"]
        by_phase = counts.tally["seconds"].sum()
        assert by_phase == pytest.approx(up, rel=1e-9, abs=1e-3), plan
        assert counts.tally["seconds"].min() > -1e-6, plan


def test_the_bill_is_the_sum_of_its_lines(runs: list) -> None:
    for plan, counts in runs:
        bill = costs_of(plan, counts)
        assert min(bill.lines.values()) > -1e-9, plan
        assert bill.total == sum(bill.lines.values())
        billed = [sum(kind.values()) for kind in billed_seconds(plan, counts)]
        usd = (
            billed[0] * instance_usd_per_h(plan) / 3600
            + billed[1] * plan.serverless.serverless_usd_per_s
        )
        assert bill.total == pytest.approx(usd, rel=1e-9), plan


def test_the_random_plans_meet_every_kind_of_event(runs: list) -> None:
    """Or the identities above would prove little."""
    names = (
        "num_refused num_gave_up num_cold num_cold_starts num_ping_starts "
        "num_scale_outs num_waited rounding num_timed_out num_cut_off num_retried "
        "num_interruptions"
    ).split()
    for name in names:
        assert sum(counts[name] > 0 for _, counts in runs) >= 5, name


def test_provisioned_instances_cost_their_hours_and_nothing_else() -> None:
    plan = parse_plan({"mode": "provisioned", "instances": 3, "rate_per_s": 0.01})
    result = simulate(plan, PREVIEW_BUDGET)
    assert result.cost_usd.mean == pytest.approx(3 * 720 * 3.99)
    assert result.cold_pct.mean == 0


def test_a_long_timeout_makes_a_worker_as_dear_as_an_instance() -> None:
    plan = parse_plan({"rate_per_s": 0.01, "idle_timeout_s": 86_400, "max_workers": 1})
    usd = plan.serverless.serverless_usd_per_s * MONTH_S
    assert simulate(plan, PREVIEW_BUDGET).cost_usd.mean == pytest.approx(usd, rel=0.01)


def test_pings_are_charged_with_all_they_cause() -> None:
    """Keeping one worker up by pings is the whole bill where nobody comes."""
    fields = {"rate_per_s": 1e-5, "ping_every_min": 1, "idle_timeout_s": 300}
    result = simulate(parse_plan(fields), PREVIEW_BUDGET)
    assert result.costs["pings"].mean > 0.95 * result.cost_usd.mean
    assert result.cold_pct.mean < 10


def test_a_batch_makes_each_of_its_requests_slower() -> None:
    base = {"mode": "provisioned", "instances": 1, "rate_per_s": 4, "concurrency": 32}
    alone, shared = (
        simulate(parse_plan({**base, "slowdown_pct": pct}), PREVIEW_BUDGET)
        for pct in (0, 10)
    )
    assert _p50(shared) > 1.2 * _p50(alone)


def _p50(result: Result) -> float:
    found = result.total_s[50]
    assert found is not None
    return found.mean


def test_the_autoscaler_follows_the_day() -> None:
    base = {
        "mode": "provisioned",
        "pattern": "diurnal",
        "instances": 8,
        "rate_per_s": 1.5,
        "day_swing_pct": 100,
    }
    fixed = simulate(parse_plan(base), PREVIEW_BUDGET)
    scaled = simulate(parse_plan({**base, "autoscaler": "on"}), PREVIEW_BUDGET)
    assert scaled.cost_usd.mean < 0.7 * fixed.cost_usd.mean
    assert scaled.lost_pct.mean == 0


def test_the_same_seed_gives_the_same_to_the_last_digit() -> None:
    plan = parse_plan({"pattern": "bursts", "seed": 3})
    first, again = (simulate(plan, 50_000) for _ in range(2))
    assert first == again
    other = simulate(parse_plan({"pattern": "bursts", "seed": 4}), 50_000)
    assert other.cost_usd != first.cost_usd


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "serverless", "pattern": "bursts", "burst_factor": 5},
        {"mode": "hybrid", "pattern": "diurnal", "instances": 1},
        {"mode": "serverless", "pattern": "flash", "max_workers": 20},
    ],
    ids=lambda fields: str(fields["pattern"]),
)
def test_a_sample_of_the_month_agrees_with_the_whole(fields: dict[str, Any]) -> None:
    plan = parse_plan({**fields, "rate_per_s": 0.4})
    sample, whole = simulate(plan, 200_000), simulate(plan, 4_000_000)
    assert not sample.is_whole_month and whole.is_whole_month
    gap = abs(sample.cost_usd.mean - whole.cost_usd.mean)
    assert gap <= 2 * sample.cost_usd.half + 0.01 * whole.cost_usd.mean
    assert sample.requests.mean == pytest.approx(whole.requests.mean, rel=0.15)


def test_the_timeline_holds_the_means_of_its_bins() -> None:
    plan = parse_plan({"rate_per_s": 0.05})
    fleet = new_fleet(rules_of(plan) | {"num_bins": 24, "bin_s": 3600.0})
    counts = Counts()
    window = Window(0.0, 86_400.0)
    run_window(fleet, workload_of(plan), window, generator(1, 0), 0.5, counts)
    bins = np.asarray(fleet["bins"])[:24]
    mean_in_service = counts["area_service"] / 86_400
    assert bins[:, 1].mean() == pytest.approx(mean_in_service, rel=1e-6)


def test_a_sample_that_cannot_see_the_whole_queue_says_so() -> None:
    """One worker for four workers' load: the queue grows all month."""
    fields = {"rate_per_s": 5, "max_workers": 1, "concurrency": 2}
    sample = simulate(parse_plan(fields), 200_000)
    assert sample.is_short_sighted
    assert any("the whole month will tell" in text for text in explain(sample))
    quiet = simulate(parse_plan({"rate_per_s": 0.3}), 200_000)
    assert not quiet.is_whole_month and not quiet.is_short_sighted


def test_a_batch_of_every_night_is_seen_whole_in_a_sample() -> None:
    night = next(one for one in load_scenarios() if one.id == "nightly-batch").plan
    sample, whole = simulate(night, PREVIEW_BUDGET), simulate(night, 4_000_000)
    assert not sample.is_whole_month
    assert sample.cost_usd.mean == pytest.approx(whole.cost_usd.mean, rel=0.1)


def test_the_default_rates_are_those_of_the_catalogue() -> None:
    known = {one.id: one for one in load_rates()}
    service = Plan().service
    found = known[service.rates]
    assert found.decode_tokens_per_s == service.decode_tokens_per_s
    assert found.prefill_tokens_per_s == service.prefill_tokens_per_s
    assert found.decode_tokens_per_s == pytest.approx(0.6 * 3350e9 / 16.06e9, abs=0.1)
