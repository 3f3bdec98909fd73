"""What the search for the cheapest fleet holds for better."""

from planning.fleet.cheapest import worth
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import Result, simulate


def found(**fields: object) -> Result:
    return simulate(parse_plan({"rate_per_s": 0.02, "slo_wait_s": 5, **fields}), 50_000)


def test_a_dear_fleet_in_time_is_better_than_any_that_is_late() -> None:
    late = found(idle_timeout_s=0, cold_start_s=6, cold_start_cv=0)
    dear = found(mode="provisioned", instances=9)
    assert not late.meets_slo and dear.meets_slo
    assert dear.cost_usd.mean > 5 * late.cost_usd.mean
    assert worth(dear) < worth(late)


def test_of_two_late_fleets_the_one_that_is_far_too_late_is_worse() -> None:
    near, far = (found(cold_start_s=seconds) for seconds in (10, 60))
    assert worth(near) < worth(far)
