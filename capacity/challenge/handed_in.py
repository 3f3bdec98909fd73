"""A fleet that a learner handed in, explained: score, money, waits, what to try."""

from typing import Any

from capacity.challenge.optima import load_optima
from capacity.fleet import outcome
from capacity.models import ChallengeResult
from planning.fleet.explanation import advise, explain
from planning.fleet.scenarios import Scenario


def handed_in(
    result_id: str, scenario: Scenario, learner_id: str | None
) -> dict[str, Any] | None:
    """The learner's own result that the link names, explained."""
    rows = ChallengeResult.objects.filter(
        learner_id=learner_id or "", scenario=scenario.id
    )
    kept = rows.filter(result_id=result_id).first()
    if kept is None:
        return None
    plan, _ = scenario.plan_with(kept.fleet)
    if plan is None:
        return None
    result = outcome.challenge(plan)
    return {
        "kept": kept,
        "result": result,
        "told": explain(result),
        "tips": advise(result),
        "optimum_usd": load_optima()[scenario.id].cost_usd,
    }
