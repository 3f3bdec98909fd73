"""What a link asks for: a plan, and perhaps a second fleet for the same traffic.

A field of the second fleet has the prefix "b."; what is left out is as in the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from capacity.fleet.form import (
    BILLING,
    PROVISIONED,
    SCALING,
    SERVERLESS,
    SPOT,
    ZERO,
)
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import (
    limit_of,
    plan_fields,
    plan_mapping,
    plan_values,
    read_plan,
)
from planning.written_numbers import plain_number

PREFIX = "b."
FLEET = ("mode", "serverless_price", "provisioned_price", "platform")
SECOND = (*FLEET, *PROVISIONED, *SCALING, *ZERO, *SPOT, *SERVERLESS, *BILLING)
"""Fields that the second fleet may have otherwise."""


@dataclass(frozen=True)
class FleetQuery:
    """Plans as far as they can be read; faults by the field's name in the link."""

    plan: Plan
    second: Plan | None = None
    faults: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def plans(self) -> list[Plan]:
        """One or two."""
        return [self.plan] if self.second is None else [self.plan, self.second]

    def encoded(self, **changes: Any) -> str:
        """The whole of it as a link's query; a change of None takes a field away."""
        fields: dict[str, Any] = plan_mapping(self.plan)
        if self.second is not None:
            fields["compare"] = 1
            first = plan_values(self.plan)
            for name, value in plan_values(self.second).items():
                if name in SECOND and value != first[name]:
                    fields[f"{PREFIX}{name}"] = value
        fields |= changes
        return urlencode(
            {
                name: "" if value is None else value
                for name, value in fields.items()
                if name not in changes or value is not None
            }
        )


def read_query(values: Mapping[str, str]) -> FleetQuery:
    """Read a link's query, or a form; what is wrong falls back to the default."""
    known = plan_fields()
    mine = {n: _plain(n, value) for n, value in values.items() if n in known}
    plan, wrong = read_plan(mine)
    if plan is None:
        right = {name: value for name, value in mine.items() if name not in wrong}
        plan = read_plan(right)[0] or Plan()
    faults, second = dict(wrong), None
    if values.get("compare"):
        second, second_wrong = _second(values, plan)
        faults |= {f"{PREFIX}{name}": text for name, text in second_wrong.items()}
    typed = {name: value for name, value in values.items() if name in faults}
    return FleetQuery(plan, second, faults, typed)


def _plain(name: str, value: Any) -> Any:
    """What was typed as a number as a plan has it; anything else as it is."""
    limit = limit_of(name)
    is_typed = isinstance(value, str) and not (limit.choices or limit.is_text)
    return plain_number(value) if is_typed else value


def _second(values: Mapping[str, str], plan: Plan) -> tuple[Plan, dict[str, str]]:
    fields = {
        name: _plain(name, values[f"{PREFIX}{name}"])
        for name in SECOND
        if f"{PREFIX}{name}" in values
    }
    found, wrong = read_plan(fields, base=plan)
    return found or plan, wrong
