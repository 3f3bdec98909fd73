"""However often a plan's workers start, it is not simulated for longer than another."""

import pytest

from planning.errors import BadSetting
from planning.fleet import bounded
from planning.fleet.break_even import break_even_curve
from planning.fleet.month_queue import month_queue_of
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import simulate
from planning.fleet.rules import rules_of
from planning.fleet.sampling import affordable
from planning.fleet.simulation import Counts
from planning.fleet.timeline import timeline_of

BUDGET = 60_000
FLAPPING = {
    **{"pattern": "flash", "scaler": "request_count", "requests_per_worker": "0.2"},
    **{"max_workers": "10000", "idle_timeout_s": "0", "cold_start_s": "0.01"},
}
"""In a crowd each request makes dozens of workers start, which stop at once."""
BY_LOOKS = {
    **{"mode": "provisioned", "instances": "10000", "autoscaler": "on"},
    **{"rate_per_s": "0.1", "look_every_s": "1", "cool_down_min": "0"},
    **{"start_up_min": "0", "target_requests": "0.1"},
}
"""The same of instances: each look starts ten for a request, or removes them."""
ENDLESS = FLAPPING | {"requests_per_worker": "0.1"}
"""More than that."""


@pytest.fixture
def starts(monkeypatch) -> list[int]:
    """Of workers, in each window that was simulated to its end."""
    seen: list[int] = []
    add = Counts.add

    def watched(self: Counts, fleet, window) -> None:
        seen.append(int(fleet["num_cold_starts"] + fleet["num_scale_outs"]))
        add(self, fleet, window)

    monkeypatch.setattr(Counts, "add", watched)
    return seen


@pytest.mark.parametrize(
    ("fields", "calm"),
    [
        (FLAPPING, {"requests_per_worker": "1000"}),
        (BY_LOOKS, {"target_requests": "100"}),
    ],
)
def test_a_plan_that_starts_workers_all_the_time_is_simulated_less(
    fields, calm, starts
) -> None:
    plan = parse_plan(fields)
    result = simulate(plan, BUDGET)
    most = affordable(rules_of(plan), BUDGET)
    assert 0 < sum(starts) <= len(bounded.PARTS) * bounded.STARTS * most
    usual = simulate(parse_plan(fields | calm), BUDGET)
    assert 0 < result.num_requests_simulated < usual.num_requests_simulated / 2
    assert result.cost_usd.mean > 0


def test_so_are_its_timeline_and_its_queue(starts) -> None:
    plan = parse_plan(FLAPPING)
    usual = timeline_of(parse_plan({"pattern": "flash"}))
    assert timeline_of(plan).bin_s < usual.bin_s
    assert month_queue_of(plan, budget=BUDGET).share_simulated < 0.1


def test_what_even_a_small_part_has_too_many_of_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadSetting) as caught:
        simulate(parse_plan(ENDLESS), BUDGET)
    assert caught.value.field == "max_workers"
    assert "starts more than 128 workers for each request" in caught.value.reason


def test_a_start_for_each_request_is_no_reason_to_look_at_less(starts) -> None:
    """Nobody is up when one comes, or only because something pings."""
    lonely = {"rate_per_s": "0.002", "idle_timeout_s": "0", "cold_start_s": "1"}
    for fields in (lonely, lonely | {"ping_every_min": "0.5"}):
        assert simulate(parse_plan(fields), BUDGET).is_whole_month


def test_the_curve_goes_over_as_much_traffic(starts) -> None:
    assert len(break_even_curve(parse_plan(FLAPPING)).points) > 2
