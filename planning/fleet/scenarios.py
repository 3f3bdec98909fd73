"""The scenarios of the cost challenge, and how a plan is scored in one.

Score = 100 x cost of the best fleet known ÷ cost of this one, if the goals are met; a
fleet that misses them gets none. Every plan of a scenario is simulated with the same
seed and budget, so the score of a plan is always the same.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from planning.catalog.gpus import gpu
from planning.catalog.prices import price
from planning.catalog.rows import CATALOG, Row, read_catalog, read_entries
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_values, read_plan
from planning.fleet.results import Result, simulate
from planning.fleet.service_rates import rates_of

FREE = (
    "mode instances autoscaler min_instances target_pct cool_down_min max_workers "
    "min_workers idle_timeout_s scaler queue_delay_s requests_per_worker ping_every_min"
).split()
"""What the learner decides; everything else is the scenario's."""
BUDGET = 8_000_000
"""Requests to score a plan: whole months of most scenarios, a large sample of a busy
one."""
ROUNDING = 0.001
"""The optimum is kept with four decimals."""


@dataclass(frozen=True)
class Scenario:
    """One situation. ``plan`` has the default fleet, to begin with."""

    id: str
    title: str
    story: str
    plan: Plan
    gpu_id: str

    def plan_with(
        self, values: Mapping[str, Any]
    ) -> tuple[Plan | None, dict[str, str]]:
        """The scenario with the learner's fleet; a sentence for each wrong field."""
        chosen = {name: value for name, value in values.items() if name in FREE}
        return read_plan(chosen, base=self.plan)

    def choices(self, plan: Plan) -> dict[str, Any]:
        """The free fields of ``plan``, to keep or to share."""
        values = plan_values(plan)
        return {name: values[name] for name in FREE}


@lru_cache(maxsize=1)
def load_scenarios() -> tuple[Scenario, ...]:
    """All of them; raises BrokenCatalog."""
    root = read_catalog(CATALOG / "scenarios.yaml")
    return read_entries(root, "scenarios", lambda row: [_scenario(row)], "scenario")


def scenario(scenario_id: str) -> Scenario | None:
    """The one of that id."""
    return next((one for one in load_scenarios() if one.id == scenario_id), None)


def score_plan(plan: Plan) -> Result:
    """Simulate as the challenge does."""
    return simulate(plan, BUDGET)


def score(result: Result, optimum_usd: float) -> int:
    """0 to 100; 100 also for who finds a cheaper fleet than was known."""
    if not result.meets_slo:
        return 0
    best = min(100.0 * optimum_usd / max(result.cost_usd.mean, 1e-9), 100.0)
    return math.floor(best + ROUNDING)


def _scenario(row: Row) -> Scenario:
    gpu_id = row.text("gpu")
    fixed: dict[str, Any] = dict(row.value("fields"))
    offers = price(row.text("provisioned_price")), price(row.text("serverless_price"))
    fixed |= {
        "provisioned_price": offers[0].id,
        "provisioned_usd_per_h": offers[0].usd_per_hour,
        "serverless_price": offers[1].id,
        "serverless_usd_per_s": offers[1].usd_per_hour / 3600,
        "concurrency": 16,
        **rates_of(gpu(gpu_id)).fields(),
    }
    plan, wrong = read_plan(fixed)
    if plan is None:
        name, sentence = next(iter(wrong.items()))
        raise row.broken("fields", f"{name}: {sentence}")
    return Scenario(
        id=row.text("id"),
        title=row.text("title"),
        story=row.text("story"),
        plan=replace(plan, seed=1),
        gpu_id=gpu_id,
    )
