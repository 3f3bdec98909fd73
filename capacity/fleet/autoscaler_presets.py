"""Autoscalers as choices that fill the form, and where each of their values is from."""

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

from capacity.fleet.form import CHOICES
from planning.catalog.autoscalers import (
    Autoscaler,
    Setting,
    autoscaler,
    load_autoscalers,
)
from planning.fleet.instances import Autoscaling
from planning.fleet.limits import Limit
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import limit_of, plan_mapping, plan_values

OWN = {one.name for one in fields(Autoscaling)}


@dataclass(frozen=True)
class Followed:
    """A setting of a preset, and whether the plan still has its value."""

    setting: Setting
    shown: str
    limit: Limit
    is_kept: bool


def with_autoscaler(values: dict[str, Any], autoscaler_id: str) -> dict[str, Any]:
    """Fields of a plan with the autoscaler's defaults; what it does not say about how
    it scales is the plan's own default again. It scales workers one by one."""
    found = autoscaler(autoscaler_id)
    rest = {name: value for name, value in values.items() if name not in OWN}
    mode = values.get("mode", Plan().mode)
    settings = {one.field: one.value for one in found.settings}
    return {
        **rest,
        "mode": "hybrid" if mode == "hybrid" else "provisioned",
        "autoscaler": "on",
        "replicas": 1,
        "platform": found.id,
        **settings,
    }


def autoscaler_links(plan: Plan) -> list[tuple[Autoscaler, str]]:
    """Each preset, and the query of this plan with it."""
    values = plan_mapping(plan)
    return [
        (one, urlencode(with_autoscaler(values, one.id))) for one in load_autoscalers()
    ]


def followed(plan: Plan) -> tuple[Autoscaler | None, list[Followed]]:
    """The preset that the plan's fields came from, and each of its settings."""
    if plan.serverless.platform not in {one.id for one in load_autoscalers()}:
        return None, []
    found, values = autoscaler(plan.serverless.platform), plan_values(plan)
    return found, [
        Followed(
            one,
            CHOICES.get(str(one.value), str(one.value)),
            limit_of(one.field),
            values[one.field] == one.value,
        )
        for one in found.settings
    ]
