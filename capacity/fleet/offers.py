"""Offers and platforms as choices that fill the form: links with the fields set."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from planning.catalog.platforms import Platform, load_platforms, platform
from planning.catalog.prices import Price, load_prices, price
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import plan_mapping

SAME_USD = 1e-9
PRESETS = {
    "runpod-serverless": "runpod-flex-h100-sxm",
    "modal": "modal-h100-sxm",
    "replicate-deployment": "replicate-h100-sxm",
}
"""Platforms to begin from, each with an offer of its own."""


@dataclass(frozen=True)
class Quoted:
    """A price in use: which offer it is, or that it was typed in."""

    label: str
    usd_per_hour: float
    price: Price | None
    staleness: str


@dataclass(frozen=True)
class Offered:
    """An offer to choose, and the link of the plan with it."""

    price: Price
    query: str
    staleness: str


def quoted(plan: Plan, today: date) -> list[Quoted]:
    """The prices of the plan's fleet, with source and date where they have one."""
    found = []
    if plan.has_provisioned:
        part = plan.provisioned
        usd = part.provisioned_usd_per_h
        found.append(_quoted("An instance", part.provisioned_price, usd, today))
    if plan.has_serverless:
        usd = plan.serverless.serverless_usd_per_s * 3600
        name = plan.serverless.serverless_price
        found.append(_quoted("A serverless worker", name, usd, today))
    return found


def _quoted(label: str, price_id: str, usd: float, today: date) -> Quoted:
    """An offer that was named and whose price was changed after is no longer it."""
    known = next((one for one in load_prices() if one.id == price_id), None)
    if known is None or abs(known.usd_per_hour - usd) > SAME_USD * max(usd, 1):
        return Quoted(label, usd, None, "")
    return Quoted(label, usd, known, known.staleness(today))


def offers_of(kind: str) -> list[Price]:
    """Those of one GPU: a worker of a plan is one."""
    return [one for one in load_prices() if one.kind == kind and one.num_gpus == 1]


def with_offer(values: dict[str, Any], price_id: str) -> dict[str, Any]:
    """Fields of a plan with the price of that offer; raises BadSetting."""
    found = price(price_id)
    if found.kind == "provisioned":
        return values | {
            "provisioned_price": found.id,
            "provisioned_usd_per_h": found.usd_per_hour,
        }
    return values | {
        "serverless_price": found.id,
        "serverless_usd_per_s": found.usd_per_second or found.usd_per_hour / 3600,
    }


def with_platform(values: dict[str, Any], platform_id: str) -> dict[str, Any]:
    """Fields with what a platform documents; what it does not stays as it is."""
    found = platform(platform_id)
    known: dict[str, Any] = {
        "platform": found.id,
        "idle_timeout_s": found.idle_timeout_s,
        "min_workers": found.min_workers,
        "max_workers": found.max_workers,
        "rounding_s": found.rounding_s,
    }
    if found.billed_phases:
        known["bills_cold_start"] = "yes" if "start" in found.billed_phases else "no"
        known["bills_idle"] = "yes" if "idle" in found.billed_phases else "no"
    if found.scaler and found.scaler.kind == "queue_delay":
        known |= {"scaler": "queue_delay", "queue_delay_s": found.scaler.value}
    changed = {name: value for name, value in known.items() if value is not None}
    if found.execution_timeout_s is not None:
        changed["execution_timeout_s"] = found.execution_timeout_s
    if values.get("mode") == "provisioned":
        changed["mode"] = "serverless"
    if platform_id in PRESETS:
        return with_offer(values | changed, PRESETS[platform_id])
    return values | changed


def preset_links(plan: Plan) -> list[tuple[Platform, str]]:
    """Each preset, and the query of this plan with it."""
    values = plan_mapping(plan)
    return [
        (one, urlencode(with_platform(values, one.id)))
        for one in load_platforms()
        if one.id in PRESETS
    ]


def unverified(plan: Plan) -> list[str]:
    """What no primary source says about the platform that the fields came from."""
    for one in load_platforms():
        if one.id == plan.serverless.platform:
            unknown = [name.replace("_", " ") for name in one.unknown]
            return [*one.unverified, *(f"{name} (not documented)" for name in unknown)]
    return []
