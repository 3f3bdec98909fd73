"""A preview at a high rate begins with the workers that its traffic needs."""

from typing import Any

import pytest

from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import PREVIEW_BUDGET, simulate
from planning.fleet.rules import rules_of
from planning.fleet.sampling import busy_with_others
from planning.fleet.warm_start import workers_for

HIGH: list[dict[str, Any]] = [
    {"mode": "provisioned", "autoscaler": "on", "instances": 400},
    {"max_workers": 400, "idle_timeout_s": 60},
    {
        "max_workers": 400,
        "idle_timeout_s": 60,
        "scaler": "request_count",
        "requests_per_worker": 8,
    },
]


@pytest.mark.parametrize("fields", HIGH, ids=["autoscaler", "delay", "count"])
def test_a_preview_tells_what_a_long_sample_does(fields: dict[str, Any]) -> None:
    """Windows of the second are long enough for every start to be over."""
    plan = parse_plan(fields | {"rate_per_s": 600})
    preview, long = simulate(plan, 100_000), simulate(plan, 16_000_000)
    assert preview.memory_s < 20 and long.memory_s > 180
    assert preview.cost_usd.mean == pytest.approx(long.cost_usd.mean, rel=0.05)
    assert preview.workers.mean == pytest.approx(long.workers.mean, rel=0.05)
    assert preview.lost_pct.mean == 0 and preview.cold_pct.mean < 1


def test_a_warm_start_keeps_to_the_limits_of_the_fleet() -> None:
    plan = parse_plan(
        {
            "mode": "hybrid",
            "autoscaler": "on",
            "instances": 4,
            "min_instances": 1,
            "max_workers": 3,
            "min_workers": 2,
        }
    )
    rules = rules_of(plan)
    assert workers_for(rules, 0.0, 0.0) == (1, 2)
    assert workers_for(rules, 1000.0, 1000.0) == (4, 3)


def test_a_warm_start_knows_of_experts_and_of_cards_for_prompts() -> None:
    base = {"mode": "provisioned", "autoscaler": "on", "instances": 999}

    def needed(**fields: Any) -> int:
        return workers_for(rules_of(parse_plan({**base, **fields})), 50.0, 500.0)[0]

    experts = needed(expert_slowdown_pct=300, expert_share_pct=6)
    split = needed(prefill_on="separate")
    assert split < needed() - 40 and experts > needed() + 40


def test_a_month_that_looks_often_is_not_repeated_as_often() -> None:
    """Looks take time too: a preview of hardly any request stays quick."""
    fields = {"mode": "provisioned", "autoscaler": "on", "rate_per_s": 1e-4}
    quick = parse_plan(fields | {"look_every_s": 1})
    assert simulate(quick, PREVIEW_BUDGET).share_simulated < 0.5
    assert busy_with_others(rules_of(parse_plan(fields | {"look_every_s": 5}))) == 0
    assert busy_with_others(rules_of(quick)) > 0
