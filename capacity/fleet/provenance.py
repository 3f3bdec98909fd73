"""Where the speed of a plan's worker is from: a card, an engine, or nowhere."""

from typing import Any

from capacity.fleet import rates
from planning.catalog.prices import load_prices
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_values
from planning.fleet.service_rates import load_rates


def rates_from(plan: Plan, learner_id: str | None) -> dict[str, str]:
    """The kind of the worker's rates, and where they are from."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return {"kind": "derived", "label": f"8B model in bf16 on {one.gpu.name}"}
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


def rates_doubts(plan: Plan) -> list[str]:
    """Where the speed of the plan's worker and what is rented do not go together."""
    found = next(
        (one for one in load_prices() if one.id == plan.provisioned.provisioned_price),
        None,
    )
    if found is None or not plan.has_provisioned:
        return []
    doubts, replicas = [], plan.provisioned.replicas
    card = _card_of_rates(plan)
    if card and card != found.gpu_id:
        doubts.append(
            f"The rates are those of {card}, the instance has {found.gpu_id}."
        )
    if replicas > found.num_gpus:
        doubts.append(
            f"{replicas} workers share the {found.num_gpus} GPUs of an instance."
        )
    elif found.num_gpus > replicas and card:
        each = found.num_gpus / replicas
        doubts.append(
            f"The rates are those of one GPU, and a worker has {each:g}: set the rates "
            f"that it reaches on them, or {found.num_gpus} workers in an instance."
        )
    return doubts


def _card_of_rates(plan: Plan) -> str:
    """ "" where the rates are not a card's."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return one.gpu.id
    return ""
