"""Time-outs and interruptions against what probability says of them."""

from math import erf, exp, log, sqrt
from typing import Any

import pytest

from planning.fleet.plan import MONTH_S
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import Result, simulate

SERVICE_S = 400.0
SPOT: dict[str, Any] = {
    "mode": "provisioned",
    "instances": 40,
    "rate_per_s": 0.02,
    "spot": "on",
    "interrupted_every_h": 0.25,
    "notice_s": 0,
    "start_up_min": 0,
    "concurrency": 1,
    "slowdown_pct": 0,
    "input_tokens": 1,
    "input_cv": 0,
    "output_tokens": SERVICE_S * 100,
    "output_cv": 0,
    "decode_tokens_per_s": 100,
    "max_drop_pct": 100,
}
RATE = 1 / 900
"""Interruptions of one instance a second."""


def found_of(**fields: Any) -> Result:
    return simulate(parse_plan(SPOT | fields), 400_000)


def test_a_request_is_lost_if_its_instance_is_interrupted_in_time() -> None:
    """P(an exponential of the mean m comes within s) = 1 - exp(-s / m)."""
    found = found_of(when_interrupted="lost")
    share = 1 - exp(-RATE * SERVICE_S)
    assert found.cut_off_pct.mean == pytest.approx(100 * share, rel=0.02)
    assert found.lost_pct == found.cut_off_pct and found.retried_pct.mean == 0


def test_a_notice_saves_what_ends_before_it_is_over() -> None:
    found = found_of(when_interrupted="lost", notice_s=120)
    share = 1 - exp(-RATE * (SERVICE_S - 120))
    assert found.cut_off_pct.mean == pytest.approx(100 * share, rel=0.02)
    assert found_of(when_interrupted="lost", notice_s=500).cut_off_pct.mean == 0


def test_a_retried_request_begins_anew_until_one_try_is_long_enough() -> None:
    """Tries are geometric, and the time until the first long enough one has the mean
    (exp(s / m) - 1) m: all from its arrival, since there is room on other instances."""
    found = found_of()
    assert found.lost_pct.mean == 0
    retries = exp(RATE * SERVICE_S) - 1
    assert found.retried_pct.mean == pytest.approx(100 * retries, rel=0.03)
    busy = (exp(RATE * SERVICE_S) - 1) / RATE
    assert found.in_service.mean == pytest.approx(0.02 * busy, rel=0.03)


def test_an_interrupted_instance_is_back_after_its_start() -> None:
    """Up for a mean m, then starting until a start of s is not interrupted, which takes
    (exp(s / m) - 1) m: up for the share exp(-s / m) of the time."""
    found = found_of(start_up_min=5, rate_per_s=1e-5)
    up = exp(-RATE * 300)
    restarts = found.costs["restarts"].mean / found.cost_usd.mean
    assert 1 - restarts == pytest.approx(up, rel=0.005)
    expected = 40 * RATE * MONTH_S
    assert found.interruptions.mean == pytest.approx(expected, rel=0.01)


def test_an_instance_takes_all_of_its_workers_with_it() -> None:
    """The starts of 40 workers, by ten interruptions of four each instead of 40."""
    single = found_of(start_up_min=5, rate_per_s=1e-5)
    boxes = found_of(start_up_min=5, rate_per_s=1e-5, instances=10, replicas=4)
    expected = single.interruptions.mean / 4
    assert boxes.interruptions.mean == pytest.approx(expected, rel=0.02)
    starts = [one.costs["restarts"].mean for one in (single, boxes)]
    assert starts[1] == pytest.approx(starts[0] / 4, rel=0.03), "a box has four"


def test_what_runs_on_an_interrupted_box_is_lost_with_it() -> None:
    boxes = found_of(when_interrupted="lost", instances=10, replicas=4)
    share = 1 - exp(-RATE * SERVICE_S)
    assert boxes.cut_off_pct.mean == pytest.approx(100 * share, rel=0.05)


def test_an_always_on_price_and_spot_are_lines_of_one_bill() -> None:
    always_on = {"active_usd_per_s": 0.0005, "min_workers": 2, "max_workers": 4}
    found = found_of(mode="hybrid", start_up_min=5, **always_on)
    assert found.costs["restarts"].mean > 0
    lines = sum(one.mean for one in found.costs.values())
    assert lines == pytest.approx(found.cost_usd.mean)


def test_spot_is_cheaper_by_its_discount_and_costs_the_same_seconds() -> None:
    whole, half = found_of(), found_of(spot_discount_pct=50)
    assert half.cost_usd.mean == pytest.approx(whole.cost_usd.mean / 2)
    assert whole.cost_usd.mean == pytest.approx(40 * 720 * 3.99, rel=1e-6)


@pytest.mark.parametrize("limit_s", [5.0, 20.0, 60.0])
def test_a_request_that_runs_for_too_long_is_ended_and_paid_for(limit_s: float) -> None:
    """Log-normal lengths: P(S > t), and seconds served E[min(S, t)]."""
    mean, variance = 20.0, log(2.0)
    found = simulate(
        parse_plan(
            {
                "max_workers": 50,
                "rate_per_s": 0.05,
                "concurrency": 1,
                "input_tokens": 1,
                "output_tokens": mean * 100,
                "output_cv": 1,
                "decode_tokens_per_s": 100,
                "idle_timeout_s": 0,
                "rounding_s": 0,
                "cold_start_s": 0,
                "execution_timeout_s": limit_s,
            }
        ),
        400_000,
    )
    spread = sqrt(variance)
    middle = log(mean) - variance / 2
    late = 1 - _normal((log(limit_s) - middle) / spread)
    served = mean * _normal((log(limit_s) - middle - variance) / spread)
    served += limit_s * late
    assert found.timed_out_pct.mean == pytest.approx(100 * late, rel=0.02)
    usd = 0.05 * MONTH_S * served * found.plan.serverless.serverless_usd_per_s
    assert found.cost_usd.mean == pytest.approx(usd, rel=0.02)


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def test_a_time_out_ends_only_what_runs_too_long_of_a_batch() -> None:
    """All at once on one worker: the prompts behind the long one go on."""
    base = {
        "mode": "provisioned",
        "instances": 1,
        "concurrency": 16,
        "rate_per_s": 0.5,
        "input_tokens": 20_000,
        "input_cv": 2,
        "output_cv": 2,
    }
    found = simulate(parse_plan(base | {"execution_timeout_s": 12}), 100_000)
    free = simulate(parse_plan(base), 100_000)
    assert 0 < found.timed_out_pct.mean < 60
    assert found.total_s[99] is not None and free.total_s[99] is not None
    wait = found.wait_s[99]
    assert wait is not None and found.total_s[99].mean <= 12.1 + wait.mean
    assert found.in_service.mean < free.in_service.mean
