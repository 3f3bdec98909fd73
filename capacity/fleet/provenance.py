"""Where the speed of a plan's worker is from: a card, an engine, or nowhere."""

from typing import Any

from capacity.fleet import rates
from capacity.fleet.derived import derived_rates, is_for_these_lengths
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_values
from planning.fleet.service_rates import load_rates


def rates_from(plan: Plan, learner_id: str | None) -> dict[str, str]:
    """The kind of the worker's rates, and where they are from."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return {"kind": "derived", "label": f"8B model in bf16 on {one.gpu.name}"}
    derived = derived_rates(plan)
    if derived is not None:
        is_same = is_for_these_lengths(derived, plan)
        doubt = "" if is_same else ". The requests have other lengths now: derive again"
        return {"kind": "derived", "label": derived.label + doubt}
    measured = measured_rates(plan, learner_id)
    if measured is None:
        return {"kind": "", "label": "typed in, no source"}
    row = measured["row"]
    label = (
        f"on {row.engine['model']}, {row.engine['device']}, {row.created_at:%Y-%m-%d}"
    )
    return {"kind": "measured", "label": label}


def measured_rates(plan: Plan, learner_id: str | None) -> dict[str, Any] | None:
    """Where the rates were measured, if they still are those."""
    row = rates.described(plan.service.rates, learner_id)
    fields = rates.fields_of(row) if row else None
    if row is None or fields is None:
        return None
    values = plan_values(plan)
    is_same = all(abs(values[n] - v) < 1e-6 for n, v in fields.items() if n != "rates")
    return {"row": row, "is_recorded": _is_recorded(row.reports)} if is_same else None


def _is_recorded(reports: dict[str, Any]) -> bool:
    return any(one.get("is_recorded") for one in reports.values())
