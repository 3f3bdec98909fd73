"""Where the speed of a plan's worker is from: a card, an engine, or nowhere."""

from typing import Any

from capacity.fleet import rates
from capacity.fleet.derived import derived_rates, is_for_these_lengths
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


def rates_doubts(plan: Plan) -> list[str]:
    """Where the speed of the plan's worker and what is rented do not go together."""
    found = next(
        (one for one in load_prices() if one.id == plan.provisioned.provisioned_price),
        None,
    )
    if found is None or not plan.has_provisioned:
        return []
    doubts, replicas = [], plan.provisioned.replicas
    card, each = _cards_of_rates(plan)
    if card and card != found.gpu_id:
        doubts.append(
            f"The rates are those of {card}, the instance has {found.gpu_id}."
        )
    if replicas * each > found.num_gpus:
        of = f" of {each} GPUs" if each > 1 else ""
        doubts.append(
            f"{replicas} workers{of} share the {found.num_gpus} GPUs of an instance."
        )
    elif found.num_gpus > replicas * each and card:
        has, num_workers = found.num_gpus / replicas, found.num_gpus // each
        doubts.append(
            f"The rates are those of {'one GPU' if each == 1 else f'{each} GPUs'}, and "
            f"a worker has {has:g}: set the rates that it reaches on them, or "
            f"{num_workers} workers in an instance."
        )
    return doubts


def _cards_of_rates(plan: Plan) -> tuple[str, int]:
    """The card, and how many a worker has; "" and 1 where they are of none."""
    values = plan_values(plan)
    for one in load_rates():
        if one.fields().items() <= values.items():
            return one.gpu.id, 1
    derived = derived_rates(plan)
    if derived is None:
        return "", 1
    return derived.card.id, derived.estimate.settings.num_gpus
