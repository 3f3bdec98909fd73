"""One parser for plans: a YAML file, the query of a link, or a form's fields.

    parse_plan({"mode": "serverless", "rate_per_s": "0.5"})  → Plan, or BadSetting
    read_plan(mapping)      → (Plan, {}) or (None, {field: sentence, …})
    plan_from_yaml(text)    → Plan
    plan_mapping(plan)      → the fields that differ from the defaults, to put in a link

What is left out keeps its default. Every refusal names the field, the value and what
is allowed.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any

import yaml

from planning.catalog.safe_yaml import compose_unique, load_unique
from planning.errors import BadSetting
from planning.fleet.limits import Limit
from planning.fleet.plan import Plan
from planning.fleet.rules import check_room

MAX_YAML_BYTES = 100_000
LONGEST_SHOWN = 40
_NUMBER = re.compile(r"\s*[+-]?[0-9.]{1,36}(?:[eE][+-]?[0-9]{1,3})?\s*", re.ASCII)
_ODD_NUMBER = re.compile(r"[+-]?(?:0[0-9xob]|[0-9.]*[_:]).*", re.ASCII)
"""What YAML 1.1 reads as another number than stands there: 1_0, 010, 1:30."""


@lru_cache(maxsize=1)
def plan_fields() -> dict[str, tuple[str, Field[Any]]]:
    """Every field by its name, with the part of the plan that has it ("": none)."""
    found: dict[str, tuple[str, Field[Any]]] = {}
    for one in fields(Plan):
        if "limit" in one.metadata:
            found[one.name] = ("", one)
        else:
            for inner in fields(one.default_factory):  # type: ignore[arg-type]
                found[inner.name] = (one.name, inner)
    return found


def limit_of(name: str) -> Limit:
    """What the field of that name may hold."""
    limit: Limit = plan_fields()[name][1].metadata["limit"]
    return limit


def parse_plan(values: Mapping[str, Any]) -> Plan:
    """The plan of ``values``; raises BadSetting about the first field that is wrong."""
    plan, wrong = read_plan(values)
    if plan is None:
        name, sentence = next(iter(wrong.items()))
        raise BadSetting(name, sentence)
    return plan


def read_plan(
    values: Mapping[str, Any], base: Plan | None = None
) -> tuple[Plan | None, dict[str, str]]:
    """The plan, or a sentence for every field that is wrong. ``base`` gives what
    ``values`` leaves out."""
    wrong: dict[str, str] = {}
    parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        try:
            part, read = _field(str(name), value)
        except BadSetting as error:
            wrong[error.field] = error.reason
        else:
            parts.setdefault(part, {})[str(name)] = read
    if wrong:
        return None, wrong
    plan = base or Plan()
    own = parts.pop("", {})
    changed = {
        name: replace(getattr(plan, name), **part) for name, part in parts.items()
    }
    plan = replace(plan, **own, **changed)
    wrong = _disagreements(plan)
    return (None, wrong) if wrong else (plan, {})


def _field(name: str, value: Any) -> tuple[str, Any]:
    if name not in plan_fields():
        raise BadSetting(name[:LONGEST_SHOWN], "there is no such field in a plan.")
    part, _ = plan_fields()[name]
    return part, _read(name, value, limit_of(name))


def _read(name: str, value: Any, limit: Limit) -> Any:
    if isinstance(value, bool) and set(limit.choices) in ({"on", "off"}, {"yes", "no"}):
        value = {"on", "yes"} if value else {"off", "no"}
        return next(word for word in limit.choices if word in value)
    if limit.choices:
        if value not in limit.choices:
            allowed = ", ".join(limit.choices)
            raise BadSetting(name, f"is {_shown(value)}; allowed are {allowed}.")
        return value
    if limit.is_text:
        return _text(name, value, limit)
    if limit.is_optional and (value is None or str(value).strip() == ""):
        return None
    return _number(name, value, limit)


def _text(name: str, value: Any, limit: Limit) -> str:
    text = "" if value is None else str(value)
    if len(text) > limit.high or not text.isprintable():
        raise BadSetting(
            name,
            f"is {_shown(text)}; allowed are {limit.high:.0f} letters on one line.",
        )
    return text


def _number(name: str, value: Any, limit: Limit) -> float | int:
    number = _as_float(value)
    is_right = math.isfinite(number) and limit.low <= number <= limit.high
    if not is_right or (limit.is_whole and number != int(number)):
        kind = "whole numbers from " if limit.is_whole else ""
        unit = f" {limit.unit}" if limit.unit else ""
        raise BadSetting(
            name,
            f"is {_shown(value)}; allowed are {kind}{limit.low:,g} to "
            f"{limit.high:,g}{unit}.",
        )
    return int(number) if limit.is_whole else number


def _as_float(value: Any) -> float:
    """NaN for what is no number in plain digits, or too long to be worth reading."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return math.nan
    if isinstance(value, str) and not _NUMBER.fullmatch(value[: LONGEST_SHOWN + 1]):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.inf if isinstance(value, int) else math.nan


def _shown(value: Any) -> str:
    text = (
        repr(value) if not isinstance(value, int) or abs(value) < 1e30 else "too large"
    )
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _disagreements(plan: Plan) -> dict[str, str]:
    """Fields that are right by themselves and wrong together."""
    traffic, provisioned = plan.traffic, plan.provisioned
    wrong = {}
    in_bursts = traffic.burst_factor * traffic.burst_share_pct
    if traffic.pattern == "bursts" and in_bursts > 100:
        wrong["burst_factor"] = (
            f"is {traffic.burst_factor:g} for {traffic.burst_share_pct:g} % of the "
            "time, more than all requests; allowed are 1 to "
            f"{100 / traffic.burst_share_pct:g} × mean."
        )
    if (
        provisioned.autoscaler == "on"
        and provisioned.min_instances > provisioned.instances
    ):
        wrong["min_instances"] = (
            f"is {provisioned.min_instances}; allowed are 0 to instances, which is "
            f"{provisioned.instances}."
        )
    if provisioned.autoscaler == "on" and provisioned.replicas > 1:
        wrong["replicas"] = (
            f"is {provisioned.replicas}; the autoscaler adds and removes single "
            "workers, so with it allowed is 1."
        )
    if plan.serverless.min_workers > plan.serverless.max_workers:
        wrong["min_workers"] = (
            f"is {plan.serverless.min_workers}; allowed are 0 to max_workers, which is "
            f"{plan.serverless.max_workers}."
        )
    if traffic.pattern == "file" and not traffic.file:
        wrong["file"] = "is empty; the pattern file needs an uploaded file of requests."
    try:
        check_room(plan)
    except BadSetting as error:
        wrong.setdefault(error.field, error.reason)
    return wrong


def plan_from_yaml(text: str) -> Plan:
    """A plan from YAML text: one mapping of fields. Raises BadSetting."""
    if len(text.encode()) > MAX_YAML_BYTES:
        raise BadSetting(
            "plan",
            f"has {len(text.encode()):,} bytes; allowed are {MAX_YAML_BYTES:,}.",
        )
    try:
        odd = _odd_number(compose_unique(text))
        if odd is not None:
            raise BadSetting(*odd)
        values = load_unique(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadSetting("plan", f"is not YAML ({str(error)[:200]}).") from None
    if not isinstance(values, dict):
        raise BadSetting("plan", "is not a mapping of fields to values.")
    return parse_plan(values)


def _odd_number(root: yaml.Node | None) -> tuple[str, str] | None:
    """The first field whose number YAML would read as another, and why not."""
    for key, value in root.value if isinstance(root, yaml.MappingNode) else ():
        is_number = value.tag.endswith((":int", ":float"))
        if is_number and _ODD_NUMBER.fullmatch(value.value):
            reason = f"is {value.value[:LONGEST_SHOWN]}; allowed are plain digits."
            return str(key.value)[:LONGEST_SHOWN], reason
    return None


def plan_mapping(plan: Plan) -> dict[str, Any]:
    """The fields that differ from the defaults, in their order."""
    default = dict(_values(Plan()))
    return {name: value for name, value in _values(plan) if value != default[name]}


def plan_values(plan: Plan) -> dict[str, Any]:
    """All fields."""
    return dict(_values(plan))


def _values(part: Any) -> Iterator[tuple[str, Any]]:
    for one in fields(part):
        value = getattr(part, one.name)
        if is_dataclass(value):
            yield from _values(value)
        else:
            yield one.name, value
