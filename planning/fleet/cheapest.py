"""Searching the cheapest fleet that meets a scenario's goals.

From a fleet of each mode, one free field after the other is set to the value of its
grid that is best with the others as they are, until nothing gets better. A fleet that
meets the goals is better than any that misses them. Of those that miss them each is
worth what it costs, times how far it misses, so that the search finds its way back. It
is a search, not a proof: a learner may find better.
"""

from collections.abc import Iterator
from typing import Any

from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_values, read_plan
from planning.fleet.results import Result, simulate
from planning.fleet.scenarios import FREE, Scenario

GRID: dict[str, list[Any]] = {
    "instances": [1, 2, 3, 4, 5, 6, 8, 10, 12, 16],
    "autoscaler": ["off", "on"],
    "min_instances": [0, 1, 2, 3, 4, 6],
    "target_pct": [20, 30, 40, 50, 60, 70, 80, 90, 100],
    "cool_down_min": [0, 2, 5, 10, 30],
    "max_workers": [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24],
    "min_workers": [0, 1, 2, 3],
    "idle_timeout_s": [0, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600],
    "scaler": ["queue_delay", "request_count"],
    "queue_delay_s": [0, 1, 2, 4, 8, 15, 60, 300],
    "requests_per_worker": [1, 2, 4, 8, 12, 16, 24, 32, 64],
    "ping_every_min": [None, 1, 2, 5, 10],
}
BY_MODE = {
    "provisioned": FREE[1:6],
    "serverless": FREE[6:],
    "hybrid": FREE[1:],
}
COARSE_BUDGET = 400_000
STARTS: tuple[dict[str, Any], ...] = (
    {"instances": 1, "max_workers": 3},
    {"instances": 1, "max_workers": 12},
    {"instances": 3, "max_workers": 3},
    {"instances": 12, "max_workers": 12},
    {"instances": 1, "max_workers": 12, "scaler": "request_count"},
)
MAX_ROUNDS = 6
Worth = tuple[bool, float]
"""The less the better."""


def search(
    scenario: Scenario,
    budget: int,
    coarse: int = COARSE_BUDGET,
    known: Plan | None = None,
) -> Result:
    """The best fleet found, simulated with ``budget``; found with ``coarse``. From the
    best one known before, if there is one, it begins too."""
    coarsely, finely = _Trials(coarse), _Trials(budget)
    finalists = {
        _descend(start, BY_MODE[mode], coarsely, whole=True)
        for mode in BY_MODE
        for start in _starts(scenario, mode)
    }
    if known is not None:
        # Itself too: a coarse look may lead away from it.
        finalists.add(known)
        finalists.add(_descend(known, BY_MODE[known.mode], coarsely, whole=True))
    best = min(sorted(finalists, key=repr), key=finely.worth)
    return simulate(_descend(best, BY_MODE[best.mode], finely, whole=False), budget)


class _Trials:
    """What plans are worth, simulated once each: descents meet again and again."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._worth: dict[Plan, Worth] = {}

    def worth(self, plan: Plan) -> Worth:
        """worth() of the plan's result."""
        if plan not in self._worth:
            self._worth[plan] = worth(simulate(plan, self._budget))
        return self._worth[plan]


def worth(result: Result) -> Worth:
    """Whether it misses the goals, and its cost, made dearer by how far it does."""
    goals, wait = result.plan.goals, result.wait_s[95]
    waited = 1e6 if wait is None else wait.mean
    missed = max(waited / max(goals.slo_wait_s, 1e-3) - 1, 0.0)
    missed += max(result.lost_pct.mean - goals.max_drop_pct, 0.0)
    usd = (result.cost_usd.mean + 1.0) * (1 + min(missed, 100.0) + 3.0 * (missed > 0))
    return missed > 0, usd


def _starts(scenario: Scenario, mode: str) -> Iterator[Plan]:
    """From the smallest to a generous one: a descent ends in the nearest valley."""
    for values in STARTS:
        plan, _ = read_plan({"mode": mode, **values}, base=scenario.plan)
        if plan is not None:
            yield plan


def _descend(plan: Plan, fields: list[str], trials: _Trials, *, whole: bool) -> Plan:
    """Field by field over the ``whole`` grid, or to its neighbours only."""
    best = plan
    for _ in range(MAX_ROUNDS):
        before = trials.worth(best)
        for name in fields:
            for value in _values(name, best, whole=whole):
                changed, _ = read_plan({name: value}, base=best)
                if changed is not None:
                    best = min(best, changed, key=trials.worth)
        misses, usd = trials.worth(best)
        if misses == before[0] and usd >= before[1] * 0.999:
            break
    return best


def _values(name: str, plan: Plan, *, whole: bool) -> list[Any]:
    grid = GRID[name]
    current = plan_values(plan)[name]
    if whole or current not in grid:
        return grid
    place = grid.index(current)
    return [grid[k] for k in (place - 1, place + 1) if 0 <= k < len(grid)]
